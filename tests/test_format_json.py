"""The json format beyond the suite: what may be decoded, what is refused and with which words."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum, Flag
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.alike import assert_alike
from contracts.payload import new_payload, through
from contracts.values import plain_values
from whorl.errors import FormatError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named
from whorl.formats.schema.plain import pack, unpack

if TYPE_CHECKING:
    from pathlib import Path


class Colour(Enum):
    RED = "red"
    CRIMSON = RED
    BLUE = (1, 2)


class Access(Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: int
    y: float = 0.0
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.x += 1  # runs once per instance, so decoding must not run it again


@dataclass(frozen=True, slots=True)
class Segment:
    start: Point
    end: Point | None


class Odd(dict):  # type: ignore[type-arg]
    """A mapping of one's own."""


@dataclass
class Both(dict):  # type: ignore[type-arg]
    x: int = 1


TYPES = {f"{kind.__module__}:{kind.__qualname__}": kind for kind in (Colour, Access, Point, Segment, Both)}


@pytest.mark.parametrize(
    "value",
    [Colour.RED, Colour.BLUE, Access.READ | Access.WRITE, Access(0), Point(1, 2.5, ["a"]), [Segment(Point(1), None)]],
    ids=str,
)
def test_records_come_back_as_the_classes_that_are_given(value: object, tmp_path: Path) -> None:
    """The engine names the classes that the stage's code refers to."""
    decoded = through("json", value, tmp_path, types=TYPES)

    assert decoded == value
    assert type(decoded) is type(value)
    assert hash_value(decoded) == hash_value(value)


@pytest.mark.parametrize("value", [Colour.RED, Point(1), {"a": [Segment(Point(1), None)]}], ids=str)
def test_records_of_other_classes_are_refused(value: object, tmp_path: Path) -> None:
    """A class that nobody named would have to be imported by a name in a file."""
    with pytest.raises(FormatError, match="is of type test_format_json"):
        through("json", value, tmp_path)


def test_decoding_makes_no_class_that_was_not_given(tmp_path: Path) -> None:
    """A file may ask for any class; it gets only those of the mapping."""
    payload = new_payload(tmp_path)
    payload.write("data.json", b'{"$":"record","t":"subprocess:Popen","v":{"args":["true"]}}')

    with pytest.raises(ValueError, match="subprocess:Popen is not among those"):
        format_named("json").decode(payload, {"types": TYPES})
    with pytest.raises(ValueError, match="subprocess:Popen is not among those"):
        format_named("json").decode(payload, {})


def test_a_record_with_more_than_its_fields_is_refused(tmp_path: Path) -> None:
    """An attribute beside the fields, or a base with a content of its own, would be lost."""
    more, less = Point(1), Point(1)
    more.__dict__["cache"] = {}
    del less.y

    with pytest.raises(FormatError, match=r"not fields of its class.*cache"):
        through("json", more, tmp_path, types=TYPES)
    with pytest.raises(FormatError, match="fields without a value: y"):
        through("json", less, tmp_path, types=TYPES)
    with pytest.raises(FormatError, match="also an instance of a builtin type"):
        through("json", Both(), tmp_path, types=TYPES)


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ({"a": [1, {2, 3}, np.arange(2)]}, r"the value['a'][2] is of type numpy.ndarray"),
        ([Odd()], r"the value[0] is of type test_format_json.Odd"),
        ({(1, np.int64(2)): 0}, r"the value[(1, np.int64(2))][1] is of type numpy.int64"),
        ({"when": [1, len]}, r"the value['when'][1] is of type builtins.builtin_function_or_method"),
    ],
    ids=["array", "subclass", "key", "function"],
)
def test_a_refusal_names_the_place_and_a_format_that_can(value: object, cause: str, tmp_path: Path) -> None:
    """The path inside the value, as Python would write it."""
    with pytest.raises(FormatError) as refusal:
        through("json", value, tmp_path)

    assert refusal.value.cause == cause
    assert refusal.value.tip == 'format="pickle" can'


def test_a_value_that_contains_itself_is_refused(tmp_path: Path) -> None:
    """JSON is a tree."""
    loop: list[object] = [1]
    loop.append({"again": loop})

    with pytest.raises(FormatError, match=r"the value\[1\]\['again'\] contains itself"):
        through("json", loop, tmp_path)


def test_a_value_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    """The depth of the interpreter's stack is the limit, and not a crash."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(FormatError, match="nested too deeply"):
        through("json", deep, tmp_path)


def test_a_small_value_that_unfolds_into_a_huge_one_is_refused(tmp_path: Path) -> None:
    """Sixty lists that each hold the one before twice would be 2⁶⁰ lists as a tree."""
    folded: list[object] = [None, "x"]
    for _ in range(60):
        folded = [folded, folded, "x"]

    with pytest.raises(FormatError, match="shared more than a million times"):
        through("json", folded, tmp_path)


def test_plain_json_stays_plain(tmp_path: Path) -> None:
    """What JSON has is written as anybody would write it."""
    payload = new_payload(tmp_path)
    format_named("json").encode({"a": [1, 2.5, None, True, "é"], "b": {}}, payload, {})

    assert payload.read("data.json") == '{"a":[1,2.5,null,true,"é"],"b":{}}'.encode()
    assert payload.names == ("data.json",)


def test_sets_are_written_in_an_order_of_their_own(tmp_path: Path) -> None:
    """The order of a set depends on PYTHONHASHSEED; the bytes must not."""
    first, second = new_payload(tmp_path), new_payload(tmp_path)
    words = [f"word {number}" for number in range(100)]
    format_named("json").encode(set(words), first, {})
    format_named("json").encode(set(words), second, {})

    assert first.read("data.json") == second.read("data.json")
    assert json.loads(first.read("data.json"))["v"] == sorted(words)


_ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(exclude_categories=[])),
    st.binary(max_size=20),
    st.dates(),
    st.datetimes(timezones=st.none() | st.timezones()),
    st.times(),
    st.timedeltas(),
    st.decimals(),
    st.uuids(),
    st.sampled_from([name for name in plain_values() if "digits" not in name]).map(lambda name: plain_values()[name]),
)
_KEYS = st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.binary(max_size=9), st.dates(), st.uuids())
_VALUES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(_KEYS, inner, max_size=3),
        st.dictionaries(st.sampled_from(["$", "v", "t", "a"]), inner, max_size=3),
        st.frozensets(_KEYS, max_size=3),
    ),
    max_leaves=12,
)


@given(value=_VALUES)
def test_any_builtin_value_comes_back(value: object) -> None:
    """The same digest, and alike to code, through the text of JSON."""
    decoded = unpack(json.loads(json.dumps(pack(value), allow_nan=False)))

    assert hash_value(decoded) == hash_value(value)
    assert_alike(type(decoded), type(value), "type")
