"""Values of many classes: those that differ, and those that have no state to read."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import fractions
import functools
import io
import itertools
import logging
import pathlib
import queue
import random
import re
import subprocess
import sys
import threading
import types
import uuid
import weakref
import zoneinfo
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Plain:
    """Holds what it is given."""

    def __init__(self, **held: object) -> None:
        self.__dict__.update(held)


class Other(Plain):
    """Looks the same and is not."""


class Slotted:
    __slots__ = ("__private", "x", "y")

    def __init__(self, x: object, private: object = None) -> None:
        self.x = x
        self.__private = private


class Stateful(Plain):
    """Says itself what counts."""

    def __getstate__(self) -> object:
        return {"kept": self.kept}  # type: ignore[attr-defined]


class Reduced(Plain):
    """Is taken apart by ``__reduce__``."""

    def __reduce__(self) -> tuple[object, ...]:
        return Reduced, (), {"kept": self.kept}  # type: ignore[attr-defined]


class Fickle:
    """Takes itself apart in another way each time."""

    def __reduce__(self) -> tuple[object, ...]:
        return make_fickle, (random.random(),)


def make_fickle(_: float) -> Fickle:
    return Fickle()


class Digested:
    """Has a digest of its own; the rest does not count."""

    def __init__(self, value: object) -> None:
        self.value = value
        self.lock = threading.Lock()

    def __whorl_digest__(self) -> object:
        return self.value


class Foreign:
    """Is digested by a registered function."""

    def __init__(self, value: object) -> None:
        self.value = value
        self.lock = threading.Lock()


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    left: object
    right: object


@dataclasses.dataclass
class Node:
    value: object
    next: object = None


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    x: object
    y: object = dataclasses.field(default=0, compare=False)


class Words(list):  # type: ignore[type-arg]
    """A list that shows itself otherwise than it is."""

    def __iter__(self) -> object:  # type: ignore[override]
        return iter([])

    def __len__(self) -> int:
        return 0


class Text(str):
    __slots__ = ("note",)


class Bag(set):  # type: ignore[type-arg]
    pass


class Failing:
    def __getstate__(self) -> object:
        raise ConnectionError("no line")


def function() -> int:
    return 1


DISTINCT: list[Callable[[], object]] = [
    object,
    Plain,
    Other,
    lambda: Plain(x=1),
    lambda: Plain(x=True),
    lambda: Plain(y=1),
    lambda: Plain(x=1, y=2),
    lambda: Plain(y=2, x=1),
    lambda: {"x": 1},
    lambda: types.SimpleNamespace(x=1),
    lambda: types.MappingProxyType({"x": 1}),
    lambda: Slotted(1),
    lambda: Slotted(1, 2),
    lambda: Slotted(2, 1),
    lambda: Stateful(kept=1),
    lambda: Reduced(kept=1),
    lambda: Colour.RED,
    lambda: Colour.BLUE,
    lambda: Access.READ,
    lambda: Access.READ | Access.WRITE,
    lambda: Pair(1, 2),
    lambda: (1, 2),
    lambda: Node(1),
    lambda: Node(1, Node(2)),
    lambda: Frozen(1),
    lambda: Frozen(1, 1),
    lambda: Words([1]),
    lambda: Words([2]),
    lambda: [1],
    lambda: Text("a"),
    lambda: "a",
    lambda: Bag({1, 2}),
    lambda: {1, 2},
    lambda: collections.OrderedDict(a=1, b=2),
    lambda: collections.OrderedDict(b=2, a=1),
    lambda: {"a": 1, "b": 2},
    lambda: collections.defaultdict(int, a=1),
    lambda: collections.defaultdict(list, a=1),
    lambda: collections.defaultdict(int, a=2),
    lambda: collections.Counter("a"),
    lambda: collections.Counter("aa"),
    lambda: collections.deque([1, 2]),
    lambda: collections.deque([1, 2], maxlen=2),
    lambda: collections.deque([2, 1]),
    lambda: collections.ChainMap({"a": 1}),
    {"a": 1}.keys,
    {"a": 1}.items,
    lambda: ValueError("x"),
    lambda: ValueError("y"),
    lambda: TypeError("x"),
    lambda: OSError(2, "x"),
    lambda: queue.Empty("x"),
    lambda: subprocess.CompletedProcess(["ls"], 0),
    lambda: dt.date(2020, 1, 2),
    lambda: dt.datetime(2020, 1, 2),  # noqa: DTZ001 - a moment without a zone is a value too
    lambda: dt.datetime(2020, 1, 2, fold=1),  # noqa: DTZ001 - a moment without a zone is a value too
    lambda: dt.datetime(2020, 1, 2, microsecond=1),  # noqa: DTZ001 - a moment without a zone is a value too
    lambda: dt.datetime(2020, 1, 2, tzinfo=dt.UTC),
    lambda: dt.datetime(2020, 1, 2, tzinfo=zoneinfo.ZoneInfo("UTC")),
    lambda: dt.datetime(2020, 1, 2, tzinfo=dt.timezone(dt.timedelta(0), "Z")),
    lambda: dt.datetime(2020, 1, 2, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    lambda: dt.datetime(2020, 1, 2, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
    lambda: dt.time(1, 2),
    lambda: dt.time(1, 2, tzinfo=dt.UTC),
    lambda: dt.timedelta(1),
    lambda: dt.timedelta(0, 1),
    lambda: Decimal("1.0"),
    lambda: Decimal("1.00"),
    lambda: Decimal("NaN"),
    lambda: Decimal("sNaN"),
    lambda: fractions.Fraction(1, 2),
    lambda: uuid.UUID(int=1),
    lambda: uuid.UUID(int=2),
    lambda: pathlib.PurePosixPath("a"),
    lambda: pathlib.Path("a"),
    lambda: pathlib.Path("a/b"),
    lambda: re.compile("a"),
    lambda: re.compile("a", re.IGNORECASE),
    lambda: re.compile(b"a"),
    lambda: range(3),
    lambda: range(0, 4, 2),
    lambda: range(0, 3, 2),
    lambda: slice(1),
    lambda: slice(None, 1, 1),
    lambda: memoryview(b"ab"),
    lambda: memoryview(bytearray(b"ab")),
    lambda: functools.partial(function, 1),
    lambda: functools.partial(function, x=1),
    lambda: functools.partial(len, 1),
    lambda: function,
    lambda: len,
    lambda: Plain,
    lambda: Plain(x=1).__init__,
    lambda: Plain(x=2).__init__,
    lambda: [1].append,
    lambda: [2].append,
    lambda: "a".join,
    lambda: list[int],
    lambda: list[str],
    lambda: int | str,
    lambda: re,
    lambda: random.Random(1),
    lambda: random.Random(2),
    lambda: logging.getLogger("a"),
    lambda: logging.getLogger("b"),
    lambda: Digested(1),
    lambda: Digested(2),
    lambda: function.__code__,
    lambda: (lambda: 2).__code__,
]


def generator() -> object:
    yield 1


async def coroutine() -> None: ...


REFUSED: dict[str, Callable[[], object]] = {
    "list iterator": lambda: iter([1]),
    "dict iterator": lambda: iter({1: 2}),
    "generator": generator,
    "generator expression": lambda: (x for x in [1]),
    "zip": lambda: zip([1], strict=True),
    "map": lambda: map(str, [1]),
    "filter": lambda: filter(None, [1]),
    "enumerate": lambda: enumerate([1]),
    "reversed": lambda: reversed([1]),
    "count": itertools.count,
    "chain": lambda: itertools.chain([1]),
    "open file": lambda: io.TextIOWrapper(io.BytesIO(b"x")),
    "lock": threading.Lock,
    "reentrant lock": threading.RLock,
    "event": threading.Event,
    "thread": threading.Thread,
    "local": threading.local,
    "queue": queue.Queue,
    "semaphore": threading.Semaphore,
    "weak reference": lambda: weakref.ref(Plain),
    "weak dictionary": weakref.WeakValueDictionary,
    "fickle": Fickle,
    "frame": sys._getframe,
}
