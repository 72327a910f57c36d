"""
A value with a time axis and the ends of a window in, what lies inside of the window out.

=====================================  ====================================================================
xarray Dataset, DataArray              sliced along the dimension; what is lazy stays lazy
pandas DataFrame, Series               rows whose column, or index level, lies inside
polars DataFrame, LazyFrame            rows whose column lies inside
dask DataFrame, Series                 the same, partition by partition, lazily
None and everything else               handed on as it is, with one warning per type
=====================================  ====================================================================

Both ends are inside.  A text such as ``"2020-01-05"`` or ``"2020-01"`` and a date stand for the whole day or month, as
they do in slices of pandas and xarray, here for every type; a datetime is a moment.  An end that is None is open.  On
the arrow: after *decode*.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from whorl.bounds import Bounds
from whorl.errors import ConfigError, WhorlWarning, warn
from whorl.processors.axes import TimeAxisError, family_of
from whorl.processors.base import Processor
from whorl.typenames import type_name
from whorl.wish import Window

if TYPE_CHECKING:
    import inspect
    from collections.abc import Container, Mapping, Sequence

_YEAR = timedelta(days=365)
_warned: set[type] = set()


class timeseries(Processor):  # noqa: N801 - a decorator
    """
    Slice what a stage gives to the window between its arguments ``start_time`` and ``end_time``.

    ``timeseries`` is the name of the column or dimension, or several names of which the first that a value has counts.
    Where the function's code never reads the two parameters, they are no part of the key: one stored value serves every
    window.  Where it reads them, each window is a result of its own, unless ``sliceable=True`` promises that the result
    for a window, sliced to a narrower one, is the result for that: then one entry serves every window inside of the one
    that it was computed for, and a call that asks for more runs over both.

    With ``validate_data=True``, here or at a call, a value is valid if it reaches within ``tolerance`` (a timedelta) of
    both ends; open ends ask for nothing.

    Raises ConfigError for a function without the two parameters, and TimeAxisError (a ValueError) for a value that has
    no such column or dimension.
    """

    consumes: ClassVar[tuple[str, ...]] = ("start_time", "end_time")
    leaves_out: ClassVar[bool] = True

    def __init__(
        self,
        timeseries: str | Sequence[str] = "time",
        *,
        tolerance: timedelta = _YEAR,
        sliceable: bool = False,
        validate_data: bool = False,
    ) -> None:
        names = (timeseries,) if isinstance(timeseries, str) else tuple(timeseries)
        if not names or not all(isinstance(name, str) for name in names):
            raise ConfigError(f"timeseries cannot be {timeseries!r}", "it is a name, or a list of names")
        if not isinstance(tolerance, timedelta) or tolerance < timedelta(0):
            raise ConfigError(f"tolerance cannot be {tolerance!r}", "it is a timedelta that is not negative")
        self.names = names
        self.tolerance = tolerance
        self.sliceable = sliceable
        self.validate_data = validate_data

    def __repr__(self) -> str:
        return f"timeseries({list(self.names)!r})"

    def check(self, signature: inspect.Signature, stage: str) -> None:
        """Ask for both parameters."""
        for name in self.consumes:
            if name not in signature.parameters:
                cause = f"the function takes {', '.join(signature.parameters) or 'none'}"
                raise ConfigError(f"timeseries: {stage} has no parameter {name!r}", cause, f"add {name}=None")

    def check_inputs(self, inputs: Container[str], stage: str) -> None:
        """Refuse ends that files or other stages give: processors see plain arguments alone."""
        for name in self.consumes:
            if name in inputs:
                cause, tip = "an end of a window is a plain argument", f"declare {name}=Param(…), or give it to calls"
                raise ConfigError(f"timeseries: {stage} has the input {name!r}", cause, tip)

    def check_arguments(self, arguments: Mapping[str, object]) -> None:
        """Refuse an end that is no time."""
        self._bounds(arguments)

    def wish(self, arguments: Mapping[str, object]) -> tuple[Window, ...]:
        """Wish for the window."""
        start, end = (arguments[name] for name in self.consumes)
        return () if start is None and end is None else (Window(self.names, start, end),)

    def hints(self) -> Mapping[str, Mapping[str, object]]:
        """Have what is stored cut along the axis."""
        split = {"split_by": list(self.names)}
        return {"parquet": split, "zarr": split}

    def process(self, value: Any, arguments: Mapping[str, object]) -> Any:
        """Slice a value."""
        bounds = self._bounds(arguments)
        family = family_of(value)
        if family is None:
            if (
                self.sliceable and value is not None
            ):  # else what was computed for a wider window would pass for this one
                cause = "its result serves narrower windows, and this type has no time axis"
                raise TimeAxisError(f"sliceable=True: a {type_name(type(value))} cannot be sliced", cause)
            _warn_of(value)
            return value
        return family.slice(value, self.names, bounds)

    def validate(self, value: Any, arguments: Mapping[str, object]) -> bool:
        """Whether a value reaches within the tolerance of both ends."""
        bounds, family = self._bounds(arguments), family_of(value)
        if bounds.is_open or family is None:
            return family is not None
        span = family.span(value, self.names, bounds)
        if span is None:
            return False
        first, last, window = span
        return window.are_reached_by(first, last, self.tolerance)

    def _bounds(self, arguments: Mapping[str, object]) -> Bounds:
        start, end = self.consumes
        return Bounds.parse(arguments[start], arguments[end], (start, end))


def _warn_of(value: object) -> None:
    kind = type(value)
    if kind not in _warned:
        _warned.add(kind)
        message = f"timeseries cannot slice a {kind.__module__}.{kind.__qualname__}: it is given as it is"
        warn(message, WhorlWarning)
