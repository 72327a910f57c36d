"""Own code that was put into classes of libraries counts: where they are named, and where only its name is read."""

from __future__ import annotations

import functools
import sys
import types
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import xarray as xr

from whorl import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WARM_CALLS = 1_000


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    """Give an own module to write code in."""
    made = sys.modules["patching"] = types.ModuleType("patching")
    made.__file__ = "/elsewhere/patching.py"
    yield made
    del sys.modules["patching"]


def _define(module: types.ModuleType, source: str) -> types.ModuleType:
    exec(compile(source, str(module.__file__), "exec"), vars(module))
    return module


def _function(module: types.ModuleType, number: int) -> Callable[..., object]:
    function: Callable[..., object] = _define(module, f"def patch(self, *_): return {number}\n").patch
    return function


# What a stage does, the class that is patched, and the name of the patch.
READS: dict[str, tuple[str, type, str]] = {
    "a method that is there, of an argument": ("def stage(x): return x.head()\n", pd.DataFrame, "head"),
    "a method that was not there": ("def stage(x): return x.margin()\n", pd.DataFrame, "margin"),
    "a method of a base": ("def stage(x): return x.head()\n", pd.DataFrame.__mro__[1], "head"),
    "a method in a helper": ("def h(x): return x.margin()\ndef stage(x): return h(x)\n", pd.Series, "margin"),
    "a method within a lambda": ("def stage(x): return [*map(lambda y: y.margin(), x)]\n", pd.Series, "margin"),
    "a method of a dataset": ("def stage(x): return x.margin()\n", xr.Dataset, "margin"),
    "an unread method of a named class": (
        "import pandas as pd\ndef stage(x): return pd.DataFrame(x)\n",
        pd.DataFrame,
        "__getitem__",
    ),
    "an unread method of a named class's base": (
        "from pandas import DataFrame\ndef stage(x): return DataFrame(x)\n",
        pd.DataFrame.__mro__[1],
        "copy",
    ),
    "a method of a class that is imported within": (
        "def stage(x):\n    from pandas import DataFrame\n    return DataFrame(x)\n",
        pd.DataFrame,
        "merge",
    ),
    "a method of an own class's base": (
        "from pandas import Series\nclass Own(Series): pass\ndef stage(x): return Own(x)\n",
        pd.Series,
        "sum",
    ),
}


@pytest.mark.parametrize("case", READS)
def test_a_patch_of_a_library_is_seen_at_the_next_call(
    case: str, module: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Own code in a library's class counts, what stood there before counts again afterwards."""
    source, kind, name = READS[case]
    stage = _define(module, source).stage
    before = fingerprint(stage).digest
    for _ in range(WARM_CALLS):
        assert fingerprint(stage).digest == before
    digests = []
    for number in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(kind, name, _function(module, number), raising=False)
            digests.append(fingerprint(stage).digest)

    assert len({before, *digests}) == 3
    assert fingerprint(stage).digest == before


@pytest.mark.parametrize(
    "wrap",
    [property, classmethod, staticmethod, functools.partialmethod, functools.cached_property, functools.cache],
    ids=lambda wrap: wrap.__name__,
)
def test_a_patch_counts_in_any_wrapping(wrap: Any, module: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptors are looked into."""
    stage = _define(module, "def stage(x): return x.margin\n").stage
    digests = {fingerprint(stage).digest}
    for number in (1, 2, 2):
        monkeypatch.setattr(pd.DataFrame, "margin", wrap(_function(module, number)), raising=False)
        digests.add(fingerprint(stage).digest)

    assert len(digests) == 3


ACCESSOR = """
class Geo:
    def __init__(self, table):
        self.table = table
    def centre(self):
        return self.table.mean() * {number}
def stage(table):
    return table.geo.centre()
"""


@pytest.mark.parametrize("library", ["pandas", "xarray"])
@pytest.mark.filterwarnings("ignore:registration of accessor")
def test_accessors_count_by_their_class(
    library: str, module: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An accessor defined anew, as in a notebook's cell, is seen; one that is the same again is not."""
    kind: type = pd.DataFrame if library == "pandas" else xr.Dataset
    register = pd.api.extensions.register_dataframe_accessor if library == "pandas" else xr.register_dataset_accessor
    digests = []
    for number in (1, 2, 1):
        _define(module, ACCESSOR.format(number=number))
        monkeypatch.setattr(kind, "geo", None, raising=False)
        monkeypatch.delattr(kind, "geo")
        register("geo")(module.Geo)
        digests.append(fingerprint(module.stage).digest)
    del kind.geo  # type: ignore[attr-defined]
    getattr(kind, "_accessors", set()).discard("geo")

    assert digests[0] == digests[2] != digests[1]


def test_a_patch_that_is_not_read_does_not_count(module: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that reads other names runs on."""
    stage = _define(module, "def stage(x): return x.head()\n").stage
    before = fingerprint(stage).digest
    monkeypatch.setattr(pd.DataFrame, "margin", _function(module, 1), raising=False)

    assert fingerprint(stage).digest == before


def test_classes_of_libraries_as_they_are_hold_no_own_code(module: types.ModuleType) -> None:
    """What pandas itself puts into its classes is the distribution's, whatever it is wrapped in."""
    source = "from pandas import DataFrame, Series, Index\ndef stage(x): return DataFrame, Series, Index\n"
    stage = _define(module, source).stage

    assert "attribute/" not in str(fingerprint(stage).parts.to_json())
