"""
A part of a value that a format cannot hold comes in, the ``FormatError`` that a user reads goes out.

The parts below know what would be lost and where, the format knows its own name; this joins the two.  On the arrow:
part of *encode*.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from whorl.errors import ConfigError, FormatError
from whorl.plans import PlanFailed, plan_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

# What numpy, pandas and pyarrow raise at a value they cannot write; a failing disk is another OSError and passes.
_REFUSALS = (ValueError, TypeError, NotImplementedError, OverflowError)
# The extra that brings a library.
_EXTRAS = {
    **dict.fromkeys(("numpy", "pandas", "pyarrow"), "pandas"),
    **dict.fromkeys(("xarray", "zarr"), "xarray"),
    "openpyxl": "excel",
    "lxml": "xml",
    "tables": "hdf",
    **dict.fromkeys(("geopandas", "pyproj", "shapely"), "geopandas"),
    "deltalake": "delta",
    "sqlalchemy": "sql",
    **dict.fromkeys(("h5netcdf", "h5py"), "netcdf"),
    **dict.fromkeys(("rasterio", "terracotta"), "terracotta"),
}


class Loss(Exception):  # noqa: N818 - never seen by a user; what it becomes is a FormatError
    """What would be lost, as in ``column `x`: values of type set``, and a format that keeps it, if any."""

    def __init__(self, what: str, keeper: str = "pickle") -> None:
        super().__init__(what, keeper)
        self.what = what
        self.keeper = keeper


class _Writing(Exception):  # noqa: N818 - never seen by a user, who gets the error in it
    """An error of a task that writes, among those of the plan whose values it writes."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


@contextmanager
def passing() -> Iterator[None]:
    """Run a plan: its errors are no refusals of the format; those of tasks in it that write are what they were."""
    try:
        with plan_runs():
            yield
    except (PlanFailed, _Writing) as failed:
        error = failed.error if isinstance(failed, PlanFailed) else failed
        if isinstance(error, _Writing):
            raise error.error from error.error.__cause__
        raise


@contextmanager
def task_within(place: str) -> Iterator[None]:
    """Say what ``within`` says, in a task that writes into a payload."""
    try:
        with within(place):
            yield
    except Exception as error:
        raise _Writing(error) from error


@contextmanager
def within(place: str) -> Iterator[None]:
    """Say in which part of a value the losses met here are; a library's refusal is a loss too."""
    try:
        yield
    except ConfigError:  # of options: no other format is the better for it
        raise
    except Loss as loss:
        raise Loss(f"{place}: {loss.what}", loss.keeper) from loss.__cause__
    except _REFUSALS as error:
        raise Loss(f"{place}: {_said(error)}") from error


@contextmanager
def refusing(name: str, value: object) -> Iterator[None]:
    """Turn a loss, or a refusal by the library that writes the file, into a ``FormatError`` of the format ``name``."""
    try:
        yield
    except (ConfigError, FormatError):
        raise
    except Loss as loss:
        raise _refusal(name, value, loss.what, loss.keeper) from loss.__cause__
    except RecursionError as error:
        raise _refusal(name, value, "it is nested too deeply") from error
    except _REFUSALS as error:
        raise _refusal(name, value, _said(error)) from error
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        if library not in _EXTRAS:
            raise
        raise FormatError(
            f"the format {name} needs {library}",
            f"{library} is not installed",
            f'pip install "whorl[{_EXTRAS[library]}]"{_another(name)}',
        ) from error


def require(library: str) -> Any:
    """Import a library that a format cannot do without; where it is missing, ``refusing`` names the extra."""
    return import_module(library)


def _another(name: str) -> str:
    return "" if name == "pickle" else ', or name a format that does without: format="pickle"'


def _said(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "a string that is not valid Unicode"
    return f"{type(error).__name__}: {error}"


def _refusal(name: str, value: object, what: str, keeper: str = "pickle") -> FormatError:
    tip = f'format="{keeper}" can' if keeper not in (name, "") else ""
    return FormatError(f"the format {name} cannot hold this {type(value).__qualname__} exactly", what, tip)
