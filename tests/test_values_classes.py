"""Instances of classes by dataclasses, attrs, pydantic, enums and of libraries: every field counts, caches do not."""

from __future__ import annotations

import array
import dataclasses
import enum
import functools
import ipaddress
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pydantic
import pydantic.dataclasses
import pytest
import scipy.sparse as sp
import xarray as xr

from whorl.fingerprint.values import hash_value

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slotted:
    x: object
    note: object = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass
class Derived:
    x: object
    doubled: object = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.doubled = self.x * 2  # type: ignore[operator]


@attrs.frozen(cache_hash=True, slots=False)
class Hashed:
    x: object


@attrs.frozen(cache_hash=True)
class HashedSlots:
    x: object


@attrs.define
class Quiet:
    x: object
    note: object = attrs.field(default=None, eq=False, repr=False)


class Settings(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    x: int = 1
    names: set[str] = set()
    _hidden: int = pydantic.PrivateAttr(default=0)


@pydantic.dataclasses.dataclass
class Checked:
    x: int


class Mood(enum.StrEnum):
    CALM = "calm"


class Level(enum.IntEnum):
    LOW = 1


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: object
    y: object


def hidden(value: int) -> Settings:
    settings = Settings()
    settings._hidden = value
    return settings


DIFFERENT: list[object] = [
    Slotted(x=1),
    Slotted(x=2),
    Slotted(x=1, note=1),
    Derived(1),
    Derived(2),
    Hashed(1),
    Hashed(2),
    HashedSlots(1),
    HashedSlots(2),
    Quiet(1),
    Quiet(1, 2),
    Settings(),
    Settings(x=1),
    Settings(x=2),
    Settings(names={"a", "b"}),
    Settings(more=1),  # type: ignore[call-arg]
    hidden(1),
    Checked(1),
    Checked(2),
    Mood.CALM,
    "calm",
    Level.LOW,
    1,
    Access.READ,
    Access.READ | Access.WRITE,
    Access(0),
    Point(1, 2),
    (1, 2),
    ipaddress.ip_address("10.0.0.1"),
    ipaddress.ip_address("::1"),
    ipaddress.ip_network("10.0.0.0/8"),
    ipaddress.ip_network("10.0.0.0/9"),
    array.array("i", [1]),
    array.array("I", [1]),
    array.array("d", [1]),
    memoryview(b"abcd"),
    memoryview(b"abcd").cast("H"),
    memoryview(b"abcdef")[::2],
    memoryview(b"ace"),
    functools.partial(len),
    functools.partial(len, "a"),
]


def test_no_two_of_many_instances_share_a_digest() -> None:
    """Fields that equality leaves out count too; so does which fields of a model were set, for code can ask."""
    same = {hash_value(memoryview(b"abcdef")[::2]), hash_value(memoryview(b"ace"))}

    assert len(same) == 1
    assert len({hash_value(value) for value in DIFFERENT}) == len(DIFFERENT) - 1


@pytest.mark.parametrize("value", DIFFERENT[:-8], ids=lambda value: type(value).__name__)
def test_a_copy_that_was_looked_at_has_the_same_digest(value: object) -> None:
    """Hashing, comparing and printing leave something behind in some classes."""
    before = hash_value(value)
    if type(value).__hash__ is not None:
        hash(value)
    repr(value)

    assert hash_value(value) == before == hash_value(pickle.loads(pickle.dumps(value)))


def test_a_model_that_was_read_is_the_one_that_was_made() -> None:
    """However it came about: by JSON, as a copy, field by field."""
    made = Settings(x=1, names={"b", "a"})
    read = Settings.model_validate_json('{"x": 1, "names": ["a", "b"]}')
    assigned = Settings(x=1)
    assigned.names = {"a", "b"}

    assert hash_value(made) == hash_value(read) == hash_value(made.model_copy()) == hash_value(assigned)


def test_remembered_hashes_do_not_depend_on_the_seed_of_python() -> None:
    """In attrs they are kept in the instance, and text hashes otherwise in each process."""
    script = """
import attrs
from whorl.fingerprint.values import hash_value
Own = attrs.make_class("Own", ["x"], frozen=True, cache_hash=True, slots=False)
own = Own("text")
hash(own)
print(hash_value(own))
"""
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(printed) == 1


def _made(base: type, make: Callable[[type], object], **namespace: object) -> tuple[object, ...]:
    """Give a plain object, and one of a class made from its class three times: its ``note`` is 1, 2 and 1."""
    kind = type("Noted", (base,), {"__module__": __name__, **namespace})
    noted = [make(kind) for _ in range(3)]
    for obj, note in zip(noted, (1, 2, 1), strict=True):
        obj.note = note  # type: ignore[attr-defined]
    return make(base), *noted


OF_LIBRARIES: dict[str, Callable[[], tuple[object, ...]]] = {
    "ndarray": lambda: _made(np.ndarray, lambda kind: np.zeros(2).view(kind)),
    "ndarray with slots": lambda: _made(np.ndarray, lambda kind: np.zeros(2).view(kind), __slots__=("note",)),
    "masked array with slots": lambda: _made(
        np.ma.MaskedArray, lambda kind: np.ma.array([1]).view(kind), __slots__=("note",)
    ),
    "float64": lambda: _made(np.float64, lambda kind: kind(1)),
    "text of numpy": lambda: _made(np.str_, lambda kind: kind("a")),
    "generator": lambda: _made(np.random.Generator, lambda kind: kind(np.random.PCG64(1))),
    "bit generator": lambda: _made(np.random.PCG64, lambda kind: kind(1)),
    "random state": lambda: _made(np.random.RandomState, lambda kind: kind(1)),
    "frame": lambda: _made(pd.DataFrame, lambda kind: kind({"a": [1]})),
    "series": lambda: _made(pd.Series, lambda kind: kind([1])),
    "index": lambda: _made(pd.Index, lambda kind: _view(kind, pd.Index([0.5]))),
    "index of steps": lambda: _made(pd.Index, lambda kind: _view(kind, pd.Index(np.array([1, 2])))),
    "multi-index": lambda: _made(pd.MultiIndex, lambda kind: _view(kind, pd.MultiIndex.from_arrays([[1], [2]]))),
    "interval": lambda: _made(pd.Interval, lambda kind: kind(0, 1)),
    "polars frame": lambda: _made(pl.DataFrame, lambda kind: kind({"a": [1]})),
    "polars series": lambda: _made(pl.Series, lambda kind: kind("a", [1])),
    "polars objects": lambda: _made(pl.Series, lambda kind: kind("a", [int], dtype=pl.Object)),
    "dataset": lambda: _made(xr.Dataset, lambda kind: kind({"a": 1}), __slots__=("note",)),
    "data array": lambda: _made(xr.DataArray, lambda kind: kind([1]), __slots__=("note",)),
    "variable": lambda: _made(xr.Variable, lambda kind: kind("x", [1]), __slots__=("note",)),
    "tree": lambda: _made(xr.DataTree, lambda kind: kind(xr.Dataset())),
}


def _view(kind: type, index: pd.Index) -> pd.Index:
    """Make an index of a class from one, as pandas makes its views."""
    made: pd.Index = object.__new__(kind)
    made.__dict__.update(index.__dict__)
    return made


@pytest.mark.parametrize("make", OF_LIBRARIES.values(), ids=OF_LIBRARIES)
def test_classes_made_from_those_of_libraries_count_with_their_state(make: Callable[[], tuple[object, ...]]) -> None:
    """What the library reads from its object is not all that code can see."""
    plain, one, other, again = map(hash_value, make())

    assert len({plain, one, other}) == 3
    assert one == again


ATTRIBUTES: dict[str, Callable[[], object]] = {
    "frame": lambda: pd.DataFrame({"a": [1]}),
    "series": lambda: pd.Series(["a"]),
    "index": lambda: pd.Index(["a"]),
    "sparse": lambda: sp.csr_array([[1]]),
    "polars": lambda: pl.DataFrame({"a": [1]}),
    "expression": lambda: pl.col("a"),
}


@pytest.mark.parametrize("make", ATTRIBUTES.values(), ids=ATTRIBUTES)
@pytest.mark.filterwarnings("ignore:Pandas doesn't allow columns")
def test_an_attribute_set_on_an_object_of_a_library_counts(make: Callable[[], object]) -> None:
    """Code that gets the object can read it."""
    plain, one, other = make(), make(), make()
    one.note, other.note = 1, [2]  # type: ignore[attr-defined]

    assert len({hash_value(value) for value in (plain, one, other)}) == 3


def test_accessors_that_libraries_remember_do_not_count() -> None:
    """They are made from the object when they are first asked for."""
    series, index, frame = pd.Series(["a"]), pd.Index(["a"]), pl.DataFrame({"a": [1]})
    pl.api.register_dataframe_namespace("whorl_test")(list)
    before = [hash_value(value) for value in (series, index, frame)]
    _ = series.str, index.str, frame.whorl_test

    assert [hash_value(value) for value in (series, index, frame)] == before


def test_a_default_made_by_the_library_does_not_hide_an_attribute() -> None:
    """Only descriptors remember what they made."""

    class Shifted(np.ndarray):
        offset = np.float64(0)

    one, other = np.zeros(2).view(Shifted), np.zeros(2).view(Shifted)
    other.offset = np.float64(1)

    assert hash_value(one) != hash_value(other)


def test_an_offset_of_an_own_class_counts_with_its_state() -> None:
    """Offsets let nobody set attributes, but their namespaces can be written."""

    class Rounded(pd.DateOffset):
        pass

    offsets = [pd.DateOffset(months=1), *(Rounded(months=1) for _ in range(3))]
    for offset, note in zip(offsets[2:], (1, 2), strict=True):
        vars(offset)["note"] = note

    assert len({hash_value(offset) for offset in offsets}) == len(offsets)
    assert hash_value(offsets[1]) == hash_value(Rounded(months=1))
