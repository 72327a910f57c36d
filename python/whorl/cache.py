"""
A function in, a stage whose results are stored out: the decorator with Nuthatch's parameters.

``cache`` makes the same stages as ``stage`` does; it has no inputs, so that every argument is one of the call.  On the
arrow: before a call enters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from whorl.errors import ConfigError
from whorl.keywords import CACHE_OPTIONS
from whorl.settings import did_you_mean
from whorl.stage import make_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    from whorl.stage import Stage

P = ParamSpec("P")
R = TypeVar("R")


@overload
def cache(function: Callable[P, R], /) -> Stage[P, R]: ...
@overload
def cache(
    *,
    cache: bool = ...,
    namespace: str | None = ...,
    version: str | int | None = ...,
    cache_args: Iterable[str] | None = ...,
    cache_disable_if: Mapping[str, object] | Iterable[Mapping[str, object]] | None = ...,
    fail_if_no_cache: bool = ...,
    engine: str | type | None = ...,
    backend: str | None = ...,
    backend_kwargs: Mapping[str, object] | None = ...,
    storage_backend: str | None = ...,
    storage_backend_kwargs: Mapping[str, object] | None = ...,
    memoize: bool = ...,
    upsert_keys: Iterable[str] | None = ...,
    format: str | None = ...,
    cache_format: str | None = ...,
    format_options: Mapping[str, object] | None = ...,
    name: str | None = ...,
    ttl: float | timedelta | str | None = ...,
    depends_on: Iterable[object] = ...,
    ignore: Iterable[object] = ...,
    track_code: bool | str = ...,
    jobs: int | None = ...,
    env: Iterable[str] = ...,
) -> Callable[[Callable[P, R]], Stage[P, R]]: ...
def cache(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """
    Make a function a stage whose results are stored, by its code and its arguments.

    ``cache_args`` names the only arguments that count; without it all do, but those that a processor alone uses.
    ``cache_disable_if``: a dict of arguments and their values, or lists of values, or several such dicts; a call that
    fits one of them is not stored.  ``fail_if_no_cache``: NoEntryError instead of computing.  ``engine``: the type to
    read results into.  ``storage_backend``, else ``backend``, else ``format``: the format to store in, with the options
    in ``…_kwargs``.  ``memoize``: keep results in memory as well.  ``upsert_keys``: the columns that tell rows apart
    when a call asks for ``upsert``.  ``cache=False``: store nothing unless a call asks for it.  The others are those of
    ``stage``.

    Raises ConfigError for a function or an option that cannot work.
    """
    if function is not None:
        if options:
            raise ConfigError("cache() takes a function or keywords, not both", tip="write @cache(...)")
        if not callable(function) and not isinstance(function, classmethod):
            raise ConfigError(f"cache() takes keywords, not {function!r}", tip='name it: @cache(cache_args=["a"])')
        return make_stage(function, {}, {"cache": True})
    for name in options:
        if name not in CACHE_OPTIONS:
            raise ConfigError(f"cache has no option {name!r}", tip=did_you_mean(name, CACHE_OPTIONS))
    return lambda decorated: make_stage(decorated, {}, {"cache": True, **options})
