"""In one living process: whatever is redefined, reloaded, patched, mutated or rebound is seen at the next call."""

from __future__ import annotations

import functools
import importlib
import math
import sys
import threading
import types
from typing import TYPE_CHECKING, Any

import pytest

from whorl.fingerprint.code import digest_code, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WARM_CALLS = 1_000

MODULE = """
import functools, enum, dataclasses, types
import living_other as other

K = 1
BIG = [1, [2, {"a": 3}]]
TABLE = {"h": lambda x: x}
SPACE = types.SimpleNamespace(v=1)

def helper(x, k=1, *, q=2):
    return x + K + k + q

def inner(x):
    return helper(x)

class Base:
    v = 1
    def m(self):
        return self.v

class Child(Base):
    @property
    def p(self):
        return 1
    @staticmethod
    def s():
        return 1

class Colour(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Point:
    x: int = 1

POINT = Point()
CHILD = Child()

def make(n):
    state = [n]
    def closed(x):
        return x + n + state[0]
    def set_n(value):
        nonlocal n
        n = value
    closed.set_n = set_n
    closed.state = state
    return closed

closed = make(1)

@functools.singledispatch
def generic(x):
    return 0

part = functools.partial(helper, k=3)

@functools.lru_cache
def cached(x):
    return helper(x)

def stage(x):
    def nested(y):
        return inner(y), other.f(y), len(y)
    return (nested(x), BIG, TABLE["h"], SPACE.v, CHILD.m(), CHILD.p, Child.s, Colour.RED, POINT.x, closed(x),
            generic(x), part(x), cached(x), undefined_yet)
"""

OTHER = """
L = 1
def g(x):
    return x + L
def f(x):
    return g(x)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Import the module above from files, and forget it afterwards."""
    (tmp_path / "living_module.py").write_text(MODULE)
    (tmp_path / "living_other.py").write_text(OTHER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield importlib.import_module("living_module")
    for name in ("living_module", "living_other"):
        sys.modules.pop(name, None)


def redefine(module: types.ModuleType, text: str) -> None:
    exec(compile(text, "<cell>", "exec"), vars(module))


def reload_edited(module: types.ModuleType, name: str, old: str, new: str) -> None:
    loaded = sys.modules[name]
    path = str(loaded.__file__)
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace(old, new))
    importlib.invalidate_caches()
    importlib.reload(loaded)


CHANGES: dict[str, Callable[[Any], object]] = {
    "a helper redefined": lambda m: redefine(m, "def helper(x, k=1, *, q=2): return x - K"),
    "a helper of a helper redefined": lambda m: redefine(m, "def inner(x): return 0"),
    "a helper's code replaced": lambda m: setattr(m.helper, "__code__", (lambda x, k=1, *, q=2: 0).__code__),
    "a helper's defaults replaced": lambda m: setattr(m.helper, "__defaults__", (5,)),
    "a helper's keyword default changed": lambda m: m.helper.__kwdefaults__.update(q=5),
    "a helper's keyword defaults replaced": lambda m: setattr(m.helper, "__kwdefaults__", {"q": 5}),
    "a function's attribute set": lambda m: setattr(m.helper, "unit", "m"),
    "a global rebound": lambda m: setattr(m, "K", 2),
    "a global rebound to its equal of another type": lambda m: setattr(m, "K", True),
    "a global deleted": lambda m: delattr(m, "K"),
    "a global that was not defined": lambda m: setattr(m, "undefined_yet", 1),
    "a builtin shadowed": lambda m: setattr(m, "len", lambda x: 0),
    "a list changed": lambda m: m.BIG.append(1),
    "a list changed deep inside": lambda m: m.BIG[1][1].update(a=4),
    "a list with two swapped": lambda m: m.BIG.reverse(),
    "a function in a dict replaced": lambda m: m.TABLE.update(h=lambda x: -x),
    "a namespace's attribute": lambda m: setattr(m.SPACE, "v", 2),
    "another module's global": lambda m: setattr(m.other, "L", 2),
    "another module's function patched": lambda m: setattr(m.other, "g", lambda x: 0),
    "another module's name rebound": lambda m: setattr(m.other, "f", lambda x: 0),
    "another module in its place": lambda m: setattr(m, "other", types.SimpleNamespace(f=len)),
    "another module reloaded": lambda m: reload_edited(m, "living_other", "L = 1", "L = 7"),
    "the module itself reloaded": lambda m: reload_edited(m, "living_module", "K = 1", "K = 7"),
    "a method patched": lambda m: setattr(m.Child, "m", lambda self: 0),
    "a base's method patched": lambda m: setattr(m.Base, "m", lambda self: 0),
    "a base's attribute": lambda m: setattr(m.Base, "v", 2),
    "a method removed": lambda m: delattr(m.Child, "s"),
    "a property replaced": lambda m: setattr(m.Child, "p", property(lambda self: 2)),
    "a base replaced": lambda m: setattr(m.Child, "__bases__", (type("Other", (m.Base,), {"w": 1}),)),
    "an instance's attribute": lambda m: setattr(m.CHILD, "v", 5),
    "an instance's class": lambda m: setattr(m.CHILD, "__class__", m.Base),
    "a dataclass instance's field": lambda m: setattr(m.POINT, "x", 2),
    "an enum member's value": lambda m: setattr(m.Colour.RED, "_value_", 9),
    "a closure cell": lambda m: m.closed.set_n(5),
    "a list in a closure cell": lambda m: m.closed.state.append(2),
    "a dispatcher's registry": lambda m: m.generic.register(int)(lambda x: 1),
    "a partial's keywords": lambda m: m.part.keywords.update(k=9),
    "a nested function's helper": lambda m: redefine(m, "class Base:\n    def m(self): return 3\nCHILD = Base()"),
    "the stage's own code": lambda m: setattr(m.stage, "__code__", (lambda x: 0).__code__),
}


@pytest.mark.parametrize("warm", [0, WARM_CALLS], ids=["cold", "warm"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen_at_the_next_call(module: types.ModuleType, name: str, warm: int) -> None:
    """However often the unchanged code was fingerprinted before, the first call after a change sees it."""
    before = fingerprint(module.stage).digest
    for _ in range(warm):
        assert fingerprint(module.stage).digest == before
    stage = module.stage
    CHANGES[name](module)
    if name == "the module itself reloaded":
        stage = module.stage

    assert fingerprint(stage).digest != before


@pytest.mark.parametrize("attribute", ["K", "BIG", "helper", "SPACE", "other"])
def test_what_is_put_back_counts_as_before(module: types.ModuleType, attribute: str) -> None:
    """A fingerprint depends on what is there, not on what happened."""
    before = fingerprint(module.stage).digest
    kept = getattr(module, attribute)
    setattr(module, attribute, None)
    changed = fingerprint(module.stage).digest
    setattr(module, attribute, kept)

    assert changed != before
    assert fingerprint(module.stage).digest == before


def test_an_equal_module_loaded_again_is_the_same(module: types.ModuleType) -> None:
    """Reloading unchanged files makes new functions of the same code."""
    before = fingerprint(module.stage).digest
    importlib.reload(sys.modules["living_other"])
    importlib.reload(module)

    assert fingerprint(module.stage).digest == before


def test_unchanged_code_gives_the_very_same_fingerprint(module: types.ModuleType) -> None:
    """The second call is a comparison of identities, not a new walk."""
    assert fingerprint(module.stage) is fingerprint(module.stage)


def test_filling_a_cache_changes_nothing(module: types.ModuleType) -> None:
    """What lru_cache and singledispatch remember is not code."""
    before = fingerprint(module.stage).digest
    module.cached(1)
    module.generic("text")
    module.generic(1)

    assert fingerprint(module.stage).digest == before


def test_a_class_is_fingerprinted_with_the_same_memory(module: types.ModuleType) -> None:
    """``digest_code`` of a class sees a patched method too."""
    before = digest_code(module.Child)
    assert digest_code(module.Child) == before
    module.Base.m = lambda self: 7

    assert digest_code(module.Child) != before


def test_notebook_cells_run_again_are_seen() -> None:
    """A cell that defines a helper anew changes the stage that calls it; the same cell again does not."""
    shell_module = pytest.importorskip("IPython.core.interactiveshell")
    shell = shell_module.InteractiveShell()
    try:
        shell.run_cell("K = 1\ndef helper(x):\n    return x + K")
        shell.run_cell("def stage(x):\n    return helper(x)")
        stage = shell.user_ns["stage"]
        before = fingerprint(stage).digest
        shell.run_cell("K = 1\ndef helper(x):\n    # again\n    return x + K")
        same = fingerprint(stage).digest
        shell.run_cell("def helper(x):\n    return x - K")
        changed = fingerprint(stage).digest
        shell.run_cell("K = 2")
        rebound = fingerprint(stage).digest
    finally:
        shell.history_manager.end_session()
        shell_module.InteractiveShell.clear_instance()

    assert same == before
    assert len({before, changed, rebound}) == 3


def test_threads_agree(module: types.ModuleType) -> None:
    """Eight threads that fingerprint while a ninth rebinds a global only ever see one of the two states."""
    first = fingerprint(module.stage).digest
    module.K = 2
    second = fingerprint(module.stage).digest
    found: list[object] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            found.append(fingerprint(module.stage).digest)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for turn in range(200):
        module.K = turn % 2 + 1
    done.set()
    for thread in threads:
        thread.join()

    assert set(found) <= {first, second}
    assert fingerprint(module.stage).digest == second


ANSWERS = {
    "a number": ("def __getattr__(name): return ANSWER", lambda m, n: setattr(m, "ANSWER", n)),
    "a list made at each question": ("def __getattr__(name): return [ANSWER]", lambda m, n: setattr(m, "ANSWER", n)),
    "a function": (
        "def a(): return 1\ndef b(): return 2\ndef __getattr__(name): return [a, b][ANSWER]",
        lambda m, n: setattr(m, "ANSWER", n),
    ),
    "an error": (
        "def __getattr__(name): return 1 / ANSWER",
        lambda m, n: setattr(m, "ANSWER", n),
    ),
    "the asked function itself": (
        "def __getattr__(name): return 0",
        lambda m, n: redefine(m, f"def __getattr__(name): return {n}"),
    ),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_a_modules_getattr_answers_is_watched(module: types.ModuleType, kind: str) -> None:
    """PEP 562: a name that does not stand in a module is asked for at each call."""
    text, change = ANSWERS[kind]
    redefine(module.other, "ANSWER = 0\n" + text)
    redefine(module, "def asking(x): return other.asked_for, x")
    digests = []
    for number in (0, 1, 0):
        change(module.other, number)
        digests.append(fingerprint(module.asking).digest)
        assert fingerprint(module.asking) == fingerprint(module.asking)

    assert digests[0] == digests[2] != digests[1]


def test_a_registration_with_an_abstract_class_of_python_is_seen(module: types.ModuleType) -> None:
    """``isinstance`` answers otherwise from then on; other classes' registrations change nothing."""
    redefine(module, "from collections.abc import Sized\ndef sized(x): return isinstance(Base(), Sized)")
    before = fingerprint(module.sized).digest
    redefine(module, "class Another: pass\nSized.register(Another)")
    assert fingerprint(module.sized).digest == before
    redefine(module, "Sized.register(Base)")

    assert fingerprint(module.sized).digest != before


BY_NAME = {
    "import_module": "import importlib\ndef asking(x): return importlib.import_module('living_other').g(x)",
    "import_module, renamed": "from importlib import import_module as i\ndef asking(x): return i('living_other').g(x)",
    "a global with the name": (
        "import importlib\nM = 'living_other'\ndef asking(x): return importlib.import_module(M).g(x)"
    ),
    "__import__": "def asking(x): return __import__('living_other').g(x)",
    "sys.modules": "import sys\ndef asking(x): return sys.modules['living_other'].g(x)",
}


@pytest.mark.parametrize("way", BY_NAME)
def test_a_module_that_is_named_by_a_text_is_followed(module: types.ModuleType, way: str) -> None:
    """As one that is imported; which of its functions is called cannot be told, so all of it counts."""
    redefine(module, BY_NAME[way])
    before = fingerprint(module.asking, strict=True).digest
    module.other.g = lambda x: x - 17

    assert fingerprint(module.asking).digest != before


def test_subclasses_that_are_asked_for_count(module: types.ModuleType) -> None:
    """Plug-ins are found by ``__subclasses__``: each that is loaded counts, and one that comes later is seen."""
    redefine(module, "class Plug: pass\ndef asking(x): return [each().run() for each in Plug.__subclasses__()]")
    digests = [fingerprint(module.asking).digest]
    for text in ("return 1", "return 2"):
        redefine(module, f"class One(Plug):\n    def run(self): {text}")
        digests.append(fingerprint(module.asking).digest)
    module.One.run = lambda self: 3
    digests.append(fingerprint(module.asking).digest)

    assert len(set(digests)) == 4


BUILTINS: dict[str, object] = {
    "a C function": math.fsum,
    "a partial": functools.partial(max, default=0),
    "a bound method": [1].count,
    "a function": lambda *_: 0,
    "a class": type("Mine", (), {}),
    "a number": 1,
}


@pytest.mark.parametrize("kind", BUILTINS)
@pytest.mark.parametrize("name", ["oct", "not_there_before"])
def test_what_is_put_among_the_builtins_counts(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    """In the place of Python's own, or under a new name, as ``gettext`` does; taken away, all is as before."""
    redefine(module, f"def asking(x): return {name}")
    before = fingerprint(module.asking).digest
    with monkeypatch.context() as patch:
        patch.setattr("builtins." + name, BUILTINS[kind], raising=False)
        during = fingerprint(module.asking).digest

    assert during != before
    assert fingerprint(module.asking).digest == before


@pytest.mark.parametrize("name", ["living_other.g", "living_other"])
def test_a_dependency_named_by_text_is_watched(module: types.ModuleType, name: str) -> None:
    """The object that stands under the name now counts, not the first one that did."""
    before = fingerprint(module.stage, depends_on=[name]).digest
    module.other.g = lambda x: x - 17

    assert fingerprint(module.stage, depends_on=[name]).digest != before
