"""A decorated stage after a thousand hits: the first call after a change runs and returns what the new code gives."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from whorl import observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

pytestmark = [pytest.mark.usefixtures("whorl_store"), pytest.mark.timeout(300)]

WARM_CALLS = 1_000

MODULE = """
import dataclasses, enum, functools
from whorl import stage
import warm_stage_near as near

K = 1
LISTED = [1, [2]]

def helper(x, k=1, *, q=1): return x + k + q

@functools.lru_cache
def cached(x): return x + 1

@functools.singledispatch
def generic(x): return 0

def make(n):
    def closed(x): return x + n
    def set_n(value):
        nonlocal n
        n = value
    closed.set_n = set_n
    return closed
closed = make(1)

class Root:
    def base(self): return 1
class Model(Root):
    rate = 1
    @property
    def size(self): return 1
    def predict(self, x): return x
MODEL = Model()

class Colour(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Point:
    x: int = 1

part = functools.partial(helper, k=2)

@stage(cache=True)
def nested(x):
    return x + 100

@stage(cache=True)
def computed(x):
    return [helper(x), K, LISTED[1][0], cached(x), generic(x), closed(x), MODEL.predict(x), MODEL.size, MODEL.base(),
            MODEL.rate, Colour.RED.value, Point().x, part(x), near.step(x), len([x]), nested(x)]
"""
NEAR = "import warm_stage_far\ndef step(x): return warm_stage_far.end(x)\n"
FAR = "def end(x): return x\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Import the modules above from files, and forget them afterwards."""
    texts = {"warm_stage_module": MODULE, "warm_stage_near": NEAR, "warm_stage_far": FAR}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield importlib.import_module("warm_stage_module")
    for name in texts:
        sys.modules.pop(name, None)


def define(module: ModuleType, text: str) -> None:
    exec(compile(text, "<cell>", "exec"), vars(module))


def reload_far(module: Any) -> None:
    far = sys.modules["warm_stage_far"]
    with open(str(far.__file__), "w") as file:
        file.write("def end(x): return x + 70\n")
    importlib.invalidate_caches()
    importlib.reload(far)


CHANGES: dict[str, Callable[[Any], object]] = {
    "a helper redefined": lambda m: define(m, "def helper(x, k=1, *, q=1): return x - k"),
    "a module two away reloaded": reload_far,
    "a constant rebound": lambda m: setattr(m, "K", 2),
    "a nested list changed": lambda m: m.LISTED[1].__setitem__(0, 9),
    "a default replaced": lambda m: setattr(m.helper, "__defaults__", (9,)),
    "a keyword default changed": lambda m: m.helper.__kwdefaults__.update(q=9),
    "a helper's code replaced": lambda m: setattr(m.helper, "__code__", (lambda x, k=1, *, q=1: 7).__code__),
    "a cached helper redefined": lambda m: define(m, "@functools.lru_cache\ndef cached(x): return x + 2"),
    "a registration": lambda m: m.generic.register(int)(lambda x: 1),
    "a closure cell": lambda m: m.closed.set_n(5),
    "a method patched": lambda m: setattr(m.Model, "predict", lambda self, x: -x),
    "a base's method patched": lambda m: setattr(m.Root, "base", lambda self: 2),
    "a property replaced": lambda m: setattr(m.Model, "size", property(lambda self: 2)),
    "an instance's attribute": lambda m: setattr(m.MODEL, "rate", 2),
    "an enum redefined": lambda m: define(m, "class Colour(enum.Enum):\n    RED = 2"),
    "a dataclass redefined": lambda m: define(m, "@dataclasses.dataclass\nclass Point:\n    x: int = 2"),
    "a partial's keyword": lambda m: m.part.keywords.update(k=9),
    "a builtin shadowed": lambda m: define(m, "def len(x): return 77"),
    "a nested stage redefined": lambda m: define(m, "@stage(cache=True)\ndef nested(x): return x + 200"),
    "the stage redefined": lambda m: define(m, "@stage(cache=True)\ndef computed(x): return [helper(x)]"),
}


def outcomes_of(module: Any, calls: int = 1) -> tuple[list[object], set[str]]:
    """Call the stage, and tell what its own calls came to; those of the nested one are left out."""
    with observe() as seen:
        value = [module.computed(3) for _ in range(calls)][-1]
    return value, {outcome.kind for outcome in seen if outcome.stage.endswith("computed")}


@pytest.mark.parametrize("name", CHANGES)
def test_a_stage_runs_after_a_change_however_often_it_hit(module: Any, name: str) -> None:
    """The first call after the change computes, and the next one finds what it stored."""
    first = outcomes_of(module)
    warm = outcomes_of(module, WARM_CALLS)
    CHANGES[name](module)
    changed = outcomes_of(module)
    again = outcomes_of(module)

    assert first[1] == changed[1] == {"ran"}
    assert warm == (first[0], {"hit"})
    assert changed[0] == module.computed.__wrapped__(3) != first[0]
    assert again == (changed[0], {"hit"})


def test_an_equal_definition_hits_however_often_it_hit(module: Any) -> None:
    """A helper, a class and the stage itself run in again as they were are what they were."""
    outcomes_of(module)
    warm = outcomes_of(module, WARM_CALLS)
    define(module, "def helper(x, k=1, *, q=1):\n    # the same\n    return x + k + q")
    define(module, "part = functools.partial(helper, k=2)")
    define(module, "@stage(cache=True)\ndef nested(x):\n    return x + 100")

    assert warm[1] == {"hit"}
    assert outcomes_of(module)[1] == {"hit"}
