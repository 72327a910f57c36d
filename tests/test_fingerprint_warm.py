"""After a thousand calls of unchanged code, the first call after a change of any kind sees it."""

from __future__ import annotations

import importlib
import sys
import threading
import types
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

import whorl
from whorl.fingerprint.code import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WARM_CALLS = 1_000

MODULE = """
import abc, array, collections, contextlib, dataclasses, enum, functools, operator, types
import numpy as np
import warm_near as near
from warm_near import brought

NUMBERS = array.array("i", [1, 2])
GRID = np.arange(4.0)
TABLE = np.zeros(2, dtype=[("a", "i4"), ("b", "O")])
NESTED = {"a": ({"b": [1, 2]},)}
WORDS = {"x"}
QUEUE = collections.deque([1])
COUNTS = collections.Counter(a=1)
RAW = bytearray(b"a")
FACTOR = [2]

def deep(x): return x
def scaled(k):
    def decorate(f):
        @functools.wraps(f)
        def inner(x): return f(x) * k[0]
        return inner
    return decorate

@scaled(FACTOR)
def decorated(x): return deep(x)

@functools.lru_cache(maxsize=None)
def cached(x): return deep(x)

@contextlib.contextmanager
def managed():
    yield deep(1)

@functools.singledispatch
def generic(x): return 0
@generic.register
def _(x: int): return 1

class Abstract(abc.ABC): pass
class Meta(type):
    def __call__(cls, *args): return super().__call__(*args)
class Slotted:
    __slots__ = ("a",)
    def __init__(self): self.a = 1
class Root:
    def plain(self): return 1
    @classmethod
    def made(cls): return cls()
class Model(Root, metaclass=Meta):
    rate = 1
    def __init__(self): self.parts = {"w": [1.0]}
    def predict(self, x): return x
    def __enter__(self): return self
    def __exit__(self, *_): return None
    @property
    def size(self): return 1
    @functools.cached_property
    def area(self): return 1
    def __getattr__(self, name): return 0

SLOTTED, MODEL = Slotted(), Model()
method = MODEL.predict
part = functools.partial(deep, 1)
twice = functools.partial(functools.partial(deep), 1)
pick = operator.attrgetter("a")
HANDLERS = {"x": [deep, (lambda v: v)]}

class Colour(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Point:
    x: int = 1
POINTS = [Point()]

def lazily(x):
    import warm_lazy
    return warm_lazy.f(x)

def produce(x):
    yield deep(x)

async def wait(x): return deep(x)

def stage(x, limit=[1], *, mode="a"):
    with managed() as m, MODEL:
        chosen = {"k": lambda v: near.step(v)}
        out = [chosen["k"](v) for v in produce(x)]
    return (out, m, limit, mode, brought(x), NUMBERS, GRID, TABLE, NESTED, WORDS, QUEUE, COUNTS, RAW, decorated(x),
            cached(x), generic(x), SLOTTED.a, method(x), part(), twice(), pick(x), HANDLERS["x"], Colour.RED, POINTS,
            lazily(x), wait(x), print, later, isinstance(x, Abstract))
"""
NEAR = """
import warm_far
from warm_far import unit
def step(x): return warm_far.end(x)
def brought(x): return unit(x)
"""
FAR = "SHIFT = 1\ndef end(x): return x + SHIFT\ndef unit(x): return x\n"
LAZY = "def f(x): return x\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Import the modules above from files, and forget them afterwards."""
    texts = {"warm_module": MODULE, "warm_near": NEAR, "warm_far": FAR, "warm_lazy": LAZY}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield importlib.import_module("warm_module")
    for name in texts:
        sys.modules.pop(name, None)


def define(module: types.ModuleType, text: str) -> None:
    exec(compile(text, "<cell>", "exec"), vars(module))


def edit(name: str, old: str, new: str) -> None:
    """Change a module's file and reload it."""
    loaded = sys.modules[name]
    with open(str(loaded.__file__)) as file:
        text = file.read()
    with open(str(loaded.__file__), "w") as file:
        file.write(text.replace(old, new))
    importlib.invalidate_caches()
    importlib.reload(loaded)


def replaced_module(name: str, **names: object) -> None:
    """Put another module in the place of a loaded one."""
    other = types.ModuleType(name)
    vars(other).update(names)
    sys.modules[name] = other


def cell_of(function: Any, name: str) -> Any:
    return function.__closure__[function.__code__.co_freevars.index(name)]


CHANGES: dict[str, Callable[[Any], object]] = {
    "a helper two modules away redefined": lambda m: setattr(m.near.warm_far, "end", lambda x: x - 1),
    "a global two modules away": lambda m: setattr(m.near.warm_far, "SHIFT", 2),
    "a module two away edited and reloaded": lambda m: edit("warm_far", "x + SHIFT", "x - SHIFT"),
    "a module between edited and reloaded": lambda m: edit("warm_near", "warm_far.end(x)", "warm_far.end(-x)"),
    "the module of a local import edited and reloaded": lambda m: edit("warm_lazy", "return x", "return -x"),
    "the module of a local import replaced": lambda m: replaced_module("warm_lazy", f=lambda x: -x),
    "a name brought by from-import rebound": lambda m: setattr(m, "brought", lambda x: -x),
    "the code behind a from-import replaced": lambda m: setattr(m.brought, "__code__", (lambda x: -x).__code__),
    "a helper inside many wrappers redefined": lambda m: define(m, "def deep(x): return -x"),
    "a list in a decorator's cell": lambda m: m.FACTOR.append(3),
    "the function in a decorator's cell": lambda m: setattr(cell_of(m.decorated, "f"), "cell_contents", lambda x: -x),
    "a decorated function's __wrapped__ code": lambda m: setattr(
        m.decorated.__wrapped__, "__code__", (lambda x: -x).__code__
    ),
    "a cached helper redefined": lambda m: define(m, "@functools.lru_cache(None)\ndef cached(x): return -deep(x)"),
    "a cached helper of another size": lambda m: setattr(m, "cached", m.functools.lru_cache(9)(m.cached.__wrapped__)),
    "a cached helper's own code": lambda m: setattr(m.cached.__wrapped__, "__code__", (lambda x: -x).__code__),
    "a context manager redefined": lambda m: define(m, "@contextlib.contextmanager\ndef managed():\n    yield 2"),
    "a dispatched function registered": lambda m: m.generic.register(str)(lambda x: 2),
    "a dispatched function registered anew": lambda m: m.generic.register(int)(lambda x: 2),
    "an array in place": lambda m: m.NUMBERS.append(3),
    "an element of an array": lambda m: m.NUMBERS.__setitem__(0, 9),
    "an element of a numpy array": lambda m: m.GRID.__setitem__(0, 9.0),
    "the sign of a zero in a numpy array": lambda m: m.GRID.__setitem__(0, -0.0),
    "an object in a numpy record": lambda m: m.TABLE["b"].__setitem__(0, "x"),
    "a list in a dict in a tuple in a dict": lambda m: m.NESTED["a"][0]["b"].append(3),
    "the order of keys of a dict": lambda m: m.HANDLERS.update({"a": 1}) or m.HANDLERS.update(x=m.HANDLERS.pop("x")),
    "an element of a set": lambda m: m.WORDS.add("y"),
    "an element of a queue": lambda m: m.QUEUE.append(2),
    "a counter's count": lambda m: m.COUNTS.update("a"),
    "a byte of a bytearray": lambda m: m.RAW.__setitem__(0, 98),
    "a slot": lambda m: setattr(m.SLOTTED, "a", 2),
    "a list in an instance": lambda m: m.MODEL.parts["w"].append(2.0),
    "a method of a bound method's class": lambda m: setattr(m.Model, "predict", lambda self, x: -x),
    "a method of a base": lambda m: setattr(m.Root, "plain", lambda self: 2),
    "a class method": lambda m: setattr(m.Root, "made", classmethod(lambda cls: 0)),
    "a property": lambda m: setattr(m.Model, "size", property(lambda self: 2)),
    "a cached property's function": lambda m: setattr(m.Model.area.func, "__code__", (lambda self: 2).__code__),
    "a special method": lambda m: setattr(m.Model, "__exit__", lambda self, *_: True),
    "a __getattr__": lambda m: setattr(m.Model, "__getattr__", lambda self, name: 1),
    "a metaclass's method": lambda m: setattr(m.Meta, "__call__", lambda cls: 1),
    "the class redefined and the object kept": lambda m: setattr(m.Model.predict, "__defaults__", (1,)),
    "a base changed": lambda m: setattr(m.Model, "__bases__", (type("Root", (), {"plain": lambda self: 3}),)),
    "a class registered with an abstract one": lambda m: m.Abstract.register(bytes),
    "a partial replaced": lambda m: setattr(m, "part", m.functools.partial(m.deep, 2)),
    "a partial's state": lambda m: m.part.__setstate__((m.deep, (2,), {}, {})),
    "a partial of a partial": lambda m: m.twice.keywords.update(x=2),
    "a getter of another attribute": lambda m: setattr(m, "pick", m.operator.attrgetter("b")),
    "a function in a nested list": lambda m: m.HANDLERS["x"].__setitem__(1, lambda v: -v),
    "the code of a lambda in a dict": lambda m: setattr(m.HANDLERS["x"][1], "__code__", (lambda v: -v).__code__),
    "an enum redefined": lambda m: define(m, "class Colour(enum.Enum):\n    RED = 2"),
    "an enum with a member more": lambda m: define(m, "class Colour(enum.Enum):\n    RED = 1\n    BLUE = 2"),
    "a dataclass redefined": lambda m: define(
        m, "@dataclasses.dataclass\nclass Point:\n    x: int = 2\nPOINTS = [Point()]"
    ),
    "a field of a dataclass's object": lambda m: setattr(m.POINTS[0], "x", 5),
    "a class default": lambda m: setattr(m.Point, "x", 7),
    "a generator redefined": lambda m: define(m, "def produce(x):\n    yield from [deep(x)]"),
    "a coroutine redefined": lambda m: define(m, "async def wait(x): return -deep(x)"),
    "a coroutine made a function": lambda m: define(m, "def wait(x): return deep(x)"),
    "a builtin shadowed": lambda m: define(m, "def print(*a): return 0"),
    "a name defined later": lambda m: setattr(m, "later", 1),
    "a global deleted": lambda m: delattr(m, "GRID"),
    "a list default in place": lambda m: m.stage.__defaults__[0].append(2),
    "a keyword default": lambda m: m.stage.__kwdefaults__.update(mode="b"),
    "an attribute of the stage": lambda m: setattr(m.stage, "unit", "m"),
    "the stage redefined": lambda m: define(m, "def stage(x): return x"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen_after_a_thousand_calls(module: types.ModuleType, name: str) -> None:
    """The caller looks the stage up again, as code that calls it does."""
    before = whorl.fingerprint(module.stage).digest
    for _ in range(WARM_CALLS):
        assert whorl.fingerprint(module.stage).digest == before
    CHANGES[name](module)

    assert whorl.fingerprint(module.stage).digest != before


USES: dict[str, Callable[[Any], object]] = {
    "a cache filled": lambda m: m.cached(1),
    "a cache emptied": lambda m: m.cached.cache_clear(),
    "a dispatcher asked": lambda m: [m.generic(1), m.generic(1.0), m.generic("x")],
    "an abstract class asked": lambda m: [isinstance(1, m.Abstract), isinstance(m.MODEL, m.Abstract)],
    "a coroutine made": lambda m: m.wait(1).close(),
    "a generator begun": lambda m: next(m.produce(1)),
    "a local import done": lambda m: m.lazily(1),
    "a name nobody reads": lambda m: setattr(m, "unread", 1),
    "a module's name nobody reads": lambda m: setattr(m.near, "unread", 1),
    "an equal helper": lambda m: define(m, "\n\ndef deep(x):\n    # as before\n    return x"),
    "an equal list in its place": lambda m: m.NESTED["a"][0].__setitem__("b", [1, 2]),
    "an equal array in its place": lambda m: setattr(m, "GRID", m.np.arange(4.0)),
    "a module reloaded": lambda m: importlib.reload(m.near),
}


@pytest.mark.parametrize("name", USES)
def test_use_and_equal_definitions_change_nothing(module: types.ModuleType, name: str) -> None:
    """What was remembered, asked or defined again as it was is no change."""
    before = whorl.fingerprint(module.stage).digest
    for _ in range(WARM_CALLS):
        assert whorl.fingerprint(module.stage).digest == before
    USES[name](module)

    assert whorl.fingerprint(module.stage).digest == before


def test_no_thread_sees_the_old_helper_after_its_redefinition(module: types.ModuleType) -> None:
    """Four threads fingerprint all the time; whoever begins after a redefinition sees it."""
    known: list[object] = []
    for turn in range(40):
        define(module, f"def deep(x): return x + {turn}")
        known.append(whorl.fingerprint(module.stage).digest)
    current, stale, calls, done = [0], [], [0], threading.Event()
    define(module, "def deep(x): return x + 0")

    def look() -> None:
        while not done.is_set():
            oldest = current[0]
            found = known.index(whorl.fingerprint(module.stage).digest)
            calls[0] += 1
            if found < oldest:
                stale.append((oldest, found))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(1, 40):
        define(module, f"def deep(x): return x + {turn}")
        current[0] = turn
        reached = calls[0] + 8
        while calls[0] < reached and any(thread.is_alive() for thread in threads):
            done.wait(0.001)
    done.set()
    for thread in threads:
        thread.join()

    assert stale == []
    assert calls[0] >= 8 * 39


class NotedPath(PurePosixPath):
    """A path that holds more than its text."""

    note = ""


def test_the_state_of_an_own_path_is_watched() -> None:
    """Only Python's own paths cannot change."""
    path = NotedPath("/data")

    def stage() -> str:
        return path.note

    digests = []
    for note in ("a", "b", "a"):
        path.note = note
        digests.append(fingerprint(stage).digest)

    assert digests[0] == digests[2] != digests[1]
