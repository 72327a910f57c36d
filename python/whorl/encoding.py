"""
A result in, the files of a payload out: written in the format that is named, or in the first that can hold it.

Nothing is committed here.  On the arrow: *encode*.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whorl.errors import FormatError, StoreError
from whorl.formats.base import candidates, format_named, options_for, with_types
from whorl.formats.schema.polars_tables import is_lazy_frame
from whorl.handover import hints_of
from whorl.plans import plan_runs
from whorl.store.disk import failure, is_below

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.derive import Derived
    from whorl.entry import Judge, Resolution
    from whorl.formats.base import Format
    from whorl.store.base import Attempt, Store


@dataclass(frozen=True, slots=True)
class Encoded:
    """
    A payload that is written and not committed.

    ``options`` are those that its format was given, ``kept`` those of them that the manifest records.
    """

    attempt: Attempt
    format: Format
    options: Mapping[str, object] = field(repr=False)  # a URL among them may have a password in it
    kept: dict[str, object]
    seconds: float


def encode(store: Store, judge: Judge, derived: Derived, result: Resolution) -> Encoded:
    """Encode by the named format, or by the first one that can hold the value."""
    call, value = judge.call, _collected(result)
    slot = judge.slot(derived)
    formats = [format_named(call.format)] if call.format else candidates(value)
    for chosen in formats:
        started = time.perf_counter()
        attempt = store.begin(slot)
        try:
            kept = {**hints_of(call, chosen.name), **call.format_options}
            kept = dict(options_for(chosen, kept, call.values))
            given = {**judge.settings.formats.get(chosen.name, {}), **kept}
            options = with_types(chosen, given, lambda: derived.fingerprint.classes)
            with result.computing():
                chosen.encode(value, attempt, options)
        except FormatError as error:
            attempt.abandon()
            if chosen is formats[-1]:
                error.value = value
                error.message = f"stage {call.definition.name}: {error.message}"
                raise
        except OSError as error:
            is_a_source = isinstance(value, Path) and not is_below(error, attempt.folder)
            attempt.abandon()
            if is_a_source or isinstance(error, StoreError):
                raise
            raise failure("write", f"a result as {chosen.name}", error) from error
        except BaseException:
            attempt.abandon()
            raise
        else:
            return Encoded(attempt, chosen, options, kept, time.perf_counter() - started)
    raise FormatError(f"no format is known for a {type(value).__qualname__}")


def _collected(result: Resolution) -> Any:
    """Run the plan of a lazy frame of polars once, however often its rows are asked for; it is one all the same."""
    value: Any = result.value
    if not is_lazy_frame(value):
        return value
    with result.computing(), plan_runs():
        return value.collect().lazy()
