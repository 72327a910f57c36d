"""Random objects: each has a digest or is refused, and nothing worse ever happens."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import functools
import os
import random
import threading
import types
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import xarray as xr

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


def array_of(dice: random.Random) -> np.ndarray:
    """Make an array of any dtype and layout, sometimes large enough for several threads."""
    sides = dice.choice([(), (0,), (3,), (2, 3), (2, 0, 3), (2, 3, 4), (300, 500)])
    dtype = dice.choice(["f2", "f8", ">i4", "g", "G", "?", "S3", "U2", "M8[D]", "V5", "i1,f8", object])
    array = np.zeros(sides, dtype=dtype)
    layout = dice.choice([np.asarray, np.asfortranarray, np.transpose, np.flip, lambda array: array[..., ::2]])
    return layout(array) if array.ndim else array


def leaf(dice: random.Random) -> object:
    return dice.choice(LEAVES)(dice)


LEAVES: tuple[Callable[[random.Random], object], ...] = (
    lambda _: None,
    lambda dice: dice.random() < 0.5,
    lambda dice: dice.randrange(-(2**70), 2**70),
    lambda dice: dice.uniform(-1, 1),
    lambda dice: complex(dice.random(), 1),
    lambda dice: "".join(dice.choices("aé\ud800\u2603", k=dice.randrange(5))),
    lambda dice: "é" * dice.choice([65_535, 65_536, 200_000]),
    lambda dice: dice.randbytes(dice.choice([0, 3, 5000, 70_000])),
    lambda dice: bytearray(dice.choice([3, 70_000])),
    lambda _: ...,
    lambda _: NotImplemented,
    lambda dice: range(dice.randrange(5)),
    lambda _: slice(1, None),
    lambda dice: dt.datetime(2020, 1, 1, dice.randrange(24), tzinfo=dt.UTC),
    lambda dice: dt.timedelta(dice.randrange(9)),
    lambda dice: Decimal(dice.randrange(100)) / 8,
    lambda dice: Path("a", str(dice.randrange(9))),
    lambda _: Kind.ONE,
    lambda _: object(),
    lambda _: len,
    lambda _: leaf,
    lambda _: Thing,
    lambda dice: np.float32(dice.random()),
    array_of,
    array_of,
    lambda dice: np.ma.masked_array([1, 2], mask=[0, dice.randrange(2)]),
    lambda dice: np.array([None, dice.random()], dtype=object),
    lambda _: np.array(["a", "bc"], dtype=np.dtypes.StringDType()),
    lambda _: pd.Timestamp("2020", tz="UTC"),
    lambda _: pd.NA,
    lambda _: pd.Series(["a", None]),
    lambda dice: pd.DataFrame(np.zeros((3, dice.randrange(3)))),
    lambda dice: pd.Index([0, dice.randrange(3), 2]),
    lambda _: pd.DataFrame({"c": pd.Categorical(["a", "b"]), "t": pd.date_range("2020", periods=2)}),
    lambda dice: xr.Dataset({"v": ("x", np.zeros(dice.randrange(4)))}),
    lambda dice: sp.csr_array(np.eye(dice.randrange(1, 4))),
    lambda dice: memoryview(bytes(12)).cast("I")[:: dice.choice([1, 2, -1])],
    lambda dice: iter([]) if dice.random() < 0.2 else 1,
    lambda dice: threading.Lock() if dice.random() < 0.2 else 2,
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
    array = np.empty(2, dtype=object)
    array[0] = value  # np.array([value]) would look into the value, and never end in a circle
    array[1] = array if isinstance(value, str) else None
    return array


def framed(value: object) -> pd.DataFrame:
    column = boxed(value)
    return pd.DataFrame({"a": pd.Series(column, dtype=object), "b": [1.0, 2.0]})


def grow_other(dice: random.Random, inner: Callable[[], object], _: list[object]) -> object:
    return dice.choice(
        [
            lambda: functools.partial(leaf, inner()),
            lambda: collections.deque([inner()]),
            lambda: boxed(inner()),
            lambda: framed(inner()),
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
    except (TypeError, ValueError):  # a memoryview of numbers says ValueError
        return False
    return True


def digest_or_path(value: object) -> Digest | str:
    try:
        return hash_value(value)
    except UndigestableError as error:
        return error.message


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(8))
def test_a_random_value_has_a_digest_or_is_refused(seed: int) -> None:
    """Whatever it is made of and however it hangs together; `make faults` tries 50,000."""
    dice = random.Random(seed)
    count = int(os.environ.get("WHORL_FUZZ_VALUES", "2000")) // 8
    digests = 0
    for _ in range(count):
        value = grow(dice, 5, [])
        found = digest_or_path(value)

        assert found == digest_or_path(value)
        assert isinstance(found, Digest) or found.startswith("value")
        digests += isinstance(found, Digest)

    assert digests > count / 2
