"""Instances of dataclasses, attrs, pydantic and enums: every field counts, hashes that they remember do not."""

from __future__ import annotations

import array
import dataclasses
import enum
import functools
import ipaddress
import pickle
import subprocess
import sys
from typing import NamedTuple

import attrs
import pydantic
import pydantic.dataclasses
import pytest

from whorl.fingerprint.values import hash_value


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
