"""
The options of a call in, what they mean for this call and for everything that it reaches out.

Some options are for one call alone; ``namespace``, ``cache_mode``, ``recompute`` and ``memoize`` with names, and
``retry_null_cache`` hold for upstreams and for the stages that a body calls, in whatever thread.  They travel in
context variables, so that two calls never see each other's.  On the arrow: before *bind*, and around *compute*.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from whorl import config
from whorl.errors import WhorlWarning, warn
from whorl.keywords import ALL, check_asked
from whorl.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from whorl.digest import Digest

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """
    What a call asks of all that it reaches; names are those of stages, in full or their last parts.

    ``met`` collects the names that were met; ``done`` the calls that were computed anew, each once.
    """

    recompute: frozenset[str] = _NONE
    memoize: frozenset[str] = _NONE
    retry_null_cache: bool | None = None
    met: set[str] = field(default_factory=set)
    done: set[tuple[str, Digest]] = field(default_factory=set)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process; whom it meets there is not seen here, so that no name is warned of."""
        self.met.update(self.recompute, self.memoize)
        return Reach, (self.recompute, self.memoize, self.retry_null_cache)

    def with_names(self, option: str, names: frozenset[str]) -> Reach:
        """Ask ``recompute`` or ``memoize`` of other stages than before."""
        return replace(self, recompute=names) if option == "recompute" else replace(self, memoize=names)

    def asks_to_recompute(self, stage: str) -> bool:
        """Whether a stage is to be computed anew."""
        return _is_among(stage, self.recompute, self.met)

    def asks_to_memoize(self, stage: str) -> bool:
        """Whether the results of a stage are to be kept in memory."""
        return _is_among(stage, self.memoize, self.met)


def _is_among(stage: str, names: frozenset[str], met: set[str]) -> bool:
    if not names:
        return False
    parts = stage.split(".")
    found = names.intersection(".".join(parts[start:]) for start in range(len(parts)))
    met.update(found, (stage, parts[-1]))
    return bool(found) or ALL in names


_reach: ContextVar[Reach | None] = ContextVar("whorl reach", default=None)


@dataclass(frozen=True, slots=True)
class CallOptions:
    """
    What a call asks for besides its arguments; None stands for what its definition says.

    ``recompute`` is for this call, ``reach`` for all that it reaches.  ``format`` with ``format_options`` is how the
    result is stored, ``engine`` what it is read as.
    """

    cache: bool | None = None
    namespace: str | None = None
    recompute: bool = False
    memoize: bool | None = None
    mode: str | None = None
    format: str | None = None
    format_options: Mapping[str, object] = field(default_factory=dict, hash=False)
    engine: str | None = None
    filepath_only: bool = False
    retry_null_cache: bool | None = None
    fail_if_no_cache: bool | None = None
    upsert: bool = False
    validate_data: bool | None = None
    post_processors: tuple[Callable[[object], object], ...] = ()
    reach: Reach | None = None

    @property
    def handing(self) -> tuple[object, ...]:
        """Whose value the caller is given, and what is done to it on its way; empty for nothing."""
        # Of what few ask for, nothing is said where nobody does, so that other keys stay as they are.
        rare = (self.namespace, self.filepath_only) if self.namespace or self.filepath_only else ()
        return (self.engine, self.post_processors, *rare) if rare or self.engine or self.post_processors else ()

    def asking(self, given: Mapping[str, object]) -> CallOptions:
        """Add the keywords of a call, each in place of what was asked before; ConfigError for what none can be."""
        checked = check_asked(given)
        changes = {name: checked.pop(name) for name in _PLAIN if name in checked}
        if "cache_mode" in checked:
            changes["mode"] = checked.pop("cache_mode")
        reach = self.reach or Reach()
        for name, asked in checked.items():  # recompute and memoize
            if isinstance(asked, frozenset):  # whoever asks something of what a call reaches asks it of the call too
                changes[name] = True
                reach = reach.with_names(name, asked)
            else:
                changes[name] = asked
                reach = reach.with_names(name, _NONE)
        retry: bool | None = changes.get("retry_null_cache", reach.retry_null_cache)  # type: ignore[assignment]
        reach = replace(reach, retry_null_cache=retry)
        changes["reach"] = reach if reach.recompute or reach.memoize or retry is not None else None
        return replace(self, **changes)  # type: ignore[arg-type]

    def joined(self) -> CallOptions:
        """Add what the calls around this one ask of all that they reach."""
        outer, mine = _reach.get(), self.reach
        if outer is None:
            return self if mine is None else replace(self, reach=replace(mine, met=set(), done=set()))
        if mine is None:
            return replace(self, reach=outer)
        retry = outer.retry_null_cache if mine.retry_null_cache is None else mine.retry_null_cache
        both = Reach(outer.recompute | mine.recompute, outer.memoize | mine.memoize, retry, outer.met, outer.done)
        return replace(self, reach=both)

    def of_upstream(self, own: CallOptions) -> CallOptions:
        """Give the options of an upstream: its own, and what this call asks of all that it reaches."""
        namespace = own.namespace or self.namespace
        if own.namespace == namespace and own.reach is self.reach:
            return own
        return replace(own, namespace=namespace, reach=self.reach)

    def for_stage(self, stage: str) -> CallOptions:
        """Settle what is asked of one stage, by itself or by its name."""
        reach = self.reach
        if reach is None:
            return self
        retry = reach.retry_null_cache if self.retry_null_cache is None else self.retry_null_cache
        return replace(
            self,
            recompute=reach.asks_to_recompute(stage) or self.recompute,
            memoize=True if reach.asks_to_memoize(stage) else self.memoize,
            retry_null_cache=retry,
        )

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let a mode given at the call hold meanwhile."""
        with config.options(mode=self.mode) if self.mode else nullcontext():
            yield

    @contextmanager
    def around_body(self) -> Iterator[None]:
        """Let what is asked of all that is reached reach the stages that the body calls, in threads it starts too."""
        if self.namespace is None and self.mode is None and self.reach is None:
            yield
            return
        from whorl.carrying import carried

        with ExitStack() as stack:
            if self.namespace is not None:
                stack.enter_context(config.options(namespace=self.namespace))
            stack.enter_context(self.in_force())
            token = _reach.set(self.reach)
            stack.callback(_reach.reset, token)
            stack.enter_context(carried(_reach, "whorl.asked:_reach"))
            yield

    def warn_of_unmet(self) -> None:
        """Warn of names that no stage met had: they were probably misspelt."""
        reach = self.reach
        if reach is None or _reach.get() is not None:
            return
        for name in sorted((reach.recompute | reach.memoize) - reach.met - {ALL}):
            tip = did_you_mean(name, {item.rpartition(".")[2] for item in reach.met} or {name})
            warn(f"no stage named {name!r} was reached by the call; {tip}", WhorlWarning)


_PLAIN = tuple({item.name for item in fields(CallOptions)} - {"recompute", "memoize", "mode", "reach"})
