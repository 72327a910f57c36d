"""Random objects: each has a digest or is refused, and nothing worse ever happens."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import functools
import random
import threading
import types
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from whorl.digest import Digest
from whorl.errors import UndigestableError
from whorl.fingerprint.values import hash_value

if TYPE_CHECKING:
    from collections.abc import Callable


class Thing:
    pass


class Slots:
    __slots__ = ("a", "b")


@dataclasses.dataclass
class Data:
    a: object = None
    b: object = None


class Kind(enum.Enum):
    ONE = 1


def leaf(dice: random.Random) -> object:
    return dice.choice(
        [
            None,
            dice.random() < 0.5,
            dice.randrange(-(2**70), 2**70),
            dice.uniform(-1, 1),
            complex(dice.random(), 1),
            "".join(dice.choices("aé\ud800\u2603", k=dice.randrange(5))),
            dice.randbytes(dice.randrange(5)),
            bytearray(3),
            ...,
            NotImplemented,
            range(dice.randrange(5)),
            slice(1, None),
            dt.datetime(2020, 1, 1, dice.randrange(24), tzinfo=dt.UTC),
            dt.timedelta(dice.randrange(9)),
            Decimal(dice.randrange(100)) / 8,
            Path("a", str(dice.randrange(9))),
            Kind.ONE,
            object(),
            len,
            leaf,
            Thing,
            np.float32(dice.random()),
            np.arange(dice.randrange(9)).reshape(1, -1)[:, ::2],
            np.array([None, dice.random()], dtype=object),
            pd.Timestamp("2020", tz="UTC"),
            pd.NA,
            pd.Series(["a", None]),
            iter([]) if dice.random() < 0.05 else 1,
            threading.Lock() if dice.random() < 0.05 else 2,
        ]
    )


def grow(dice: random.Random, depth: int, made: list[object]) -> object:
    """Make a random value that may refer to what was made before, and to itself."""
    if depth == 0 or dice.random() < 0.3:
        return dice.choice(made) if made and dice.random() < 0.3 else leaf(dice)
    return dice.choice(GROWN)(dice, lambda: grow(dice, depth - 1, made), made)


def grow_list(dice: random.Random, inner: Callable[[], object], made: list[object]) -> object:
    held: list[object] = []
    made.append(held)
    held.extend(inner() for _ in range(dice.randrange(4)))
    return held


def grow_dict(dice: random.Random, inner: Callable[[], object], made: list[object]) -> object:
    mapping: dict[object, object] = {}
    made.append(mapping)
    mapping.update({dice.randrange(9): inner() for _ in range(dice.randrange(4))})
    return mapping


def grow_tuple(dice: random.Random, inner: Callable[[], object], _: list[object]) -> object:
    return tuple(inner() for _ in range(dice.randrange(4)))


def grow_thing(dice: random.Random, inner: Callable[[], object], made: list[object]) -> object:
    thing = dice.choice([Thing, Data, Slots, types.SimpleNamespace])()
    made.append(thing)
    thing.a, thing.b = inner(), inner()
    return thing


def grow_set(dice: random.Random, inner: Callable[[], object], _: list[object]) -> object:
    return {item for item in (inner() for _ in range(dice.randrange(4))) if is_hashable(item)}


def boxed(value: object) -> np.ndarray:
    array = np.empty(1, dtype=object)
    array[0] = value  # np.array([value]) would look into the value, and never end in a circle
    return array


def grow_other(dice: random.Random, inner: Callable[[], object], _: list[object]) -> object:
    return dice.choice(
        [
            lambda: functools.partial(leaf, inner()),
            lambda: collections.deque([inner()]),
            lambda: boxed(inner()),
        ]
    )()


GROWN = (
    grow_list,
    grow_list,
    grow_dict,
    grow_dict,
    grow_tuple,
    grow_thing,
    grow_thing,
    grow_thing,
    grow_set,
    grow_other,
)


def is_hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def digest_or_path(value: object) -> Digest | str:
    try:
        return hash_value(value)
    except UndigestableError as error:
        return error.message


@pytest.mark.parametrize("seed", range(8))
def test_a_random_value_has_a_digest_or_is_refused(seed: int) -> None:
    """Whatever it is made of and however it hangs together."""
    dice = random.Random(seed)
    values = [grow(dice, 5, []) for _ in range(250)]
    first = [digest_or_path(value) for value in values]

    assert first == [digest_or_path(value) for value in values]
    assert sum(isinstance(found, Digest) for found in first) > 50
    assert all(isinstance(found, Digest) or found.startswith("value") for found in first)
