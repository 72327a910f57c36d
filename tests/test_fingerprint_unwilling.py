"""Objects that raise when they are looked at: a stage that refers to them has a fingerprint all the same."""

from __future__ import annotations

import sys
import weakref
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

import pytest

from whorl.fingerprint.code import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class RefusedError(Exception):
    """What all of them raise."""


def refuse(*_: object, **__: object) -> None:
    """Raise, whatever is asked."""
    raise RefusedError


def with_metaclass(**members: object) -> type:
    """Make a class whose metaclass has these members."""
    return type("Meta", (type,), members)("Made", (), {"run": lambda self: 1})


def instance(**members: object) -> object:
    """Make an instance of a class that has these members, without asking the class."""
    return object.__new__(type("Made", (), {**members, "run": lambda self: 1}))


def dead_proxy() -> object:
    """Make a weak reference that answers for an object which is no more."""
    return weakref.proxy(type("Gone", (), {})())


def module(**members: object) -> ModuleType:
    """Make a module that has these members."""
    made = ModuleType("made")
    vars(made).update(members)
    return made


METACLASSES: dict[str, Callable[[], type]] = {
    "a metaclass that is not hashed": lambda: with_metaclass(__hash__=refuse),
    "a metaclass that compares and has no hash": lambda: with_metaclass(__eq__=lambda one, other: one is other),
    "a metaclass that compares with nobody": lambda: with_metaclass(__eq__=refuse),
    "a metaclass without attributes": lambda: with_metaclass(__getattribute__=refuse),
    "a metaclass that answers for what is missing": lambda: with_metaclass(__getattr__=refuse),
    "a metaclass that hides the name": lambda: with_metaclass(__name__=property(refuse)),
    "a metaclass that hides the module": lambda: with_metaclass(__module__=property(refuse)),
    "a metaclass that hides the bases": lambda: with_metaclass(__bases__=property(refuse)),
    "a metaclass that hides the order of bases": lambda: with_metaclass(__mro__=property(refuse)),
    "a metaclass that hides what it holds": lambda: with_metaclass(__dict__=property(refuse)),
}
INSTANCES: dict[str, Callable[[], object]] = {
    "no attributes": lambda: instance(__getattribute__=refuse),
    "no class": lambda: instance(__class__=property(refuse)),
    "a module that cannot be read": lambda: instance(__module__=property(refuse)),
    "a module that is none": lambda: instance(__module__=None),
    "nothing to print": lambda: instance(__repr__=refuse),
    "no comparison": lambda: instance(__eq__=refuse, __hash__=None),
    "a dead proxy": dead_proxy,
    "a module without a name": lambda: module(__name__=5),
    "a module with a strange file": lambda: module(__file__=7, __spec__=5),
    "a module that answers by raising": lambda: module(__getattr__=refuse),
}
UNWILLING: dict[str, Callable[[], object]] = {
    **METACLASSES,
    **INSTANCES,
    **{f"instance of {name}": lambda make=make: object.__new__(make()) for name, make in METACLASSES.items()},
}
STAGES = """
def as_global(): return V
def with_attributes(): return V.a.b
def as_default(a=V): return a
def in_containers(held=(V, [V], {1: V})): return held
def in_a_class(): return Holder
class Holder: held = V
def enclosing(v):
    def as_cell(): return v
    return as_cell
as_cell = enclosing(V)
def as_attribute(): pass
as_attribute.own = V
"""
PLACES = (
    *("as_global", "with_attributes", "as_default", "in_containers", "in_a_class", "as_cell"),
    "as_attribute",
)


def stage_in(place: str, value: object) -> FunctionType:
    """Make a stage that refers to a value in one way."""
    namespace: dict[str, object] = {"__name__": "unwilling", "V": value}
    exec(STAGES, namespace)
    stage = namespace[place]
    assert isinstance(stage, FunctionType)
    return stage


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", UNWILLING)
def test_what_refuses_to_be_looked_at_does_not_stop_a_fingerprint(name: str, place: str) -> None:
    """The class says what an object is, past what it answers; the second time, nothing has changed."""
    stage = stage_in(place, UNWILLING[name]())
    before = fingerprint(stage)

    assert fingerprint(stage).digest == before.digest
    assert before.parts.name


@pytest.mark.parametrize("name", METACLASSES)
def test_code_behind_an_unwilling_metaclass_counts(name: str) -> None:
    """A class that cannot be asked is followed all the same."""
    one, other = METACLASSES[name](), METACLASSES[name]()
    type.__setattr__(other, "run", lambda self: 2)

    assert fingerprint(stage_in("as_global", one)).digest != fingerprint(stage_in("as_global", other)).digest


def test_what_runs_is_not_what_is_shown() -> None:
    """To show a value in a tree runs no code of the objects in it."""
    asked: list[object] = []
    held = [instance(__repr__=lambda self: asked.append(self) or "shown")]
    found = fingerprint(stage_in("as_global", held))

    assert found.parts
    assert str(found.parts)
    assert asked == []


@pytest.fixture
def lazy_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Import an own module that stands for one which is not installed."""
    (tmp_path / "lazy_one.py").write_text("def __getattr__(name): raise ModuleNotFoundError(f'{name} needs more')\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("lazy_one")
    yield sys.modules["lazy_one"]
    del sys.modules["lazy_one"]


def test_a_module_that_raises_for_an_attribute_is_listed(lazy_module: ModuleType) -> None:
    """Stand-ins for missing packages raise what an import would: the stage may never get there, so it is no error."""
    found = fingerprint(stage_in("with_attributes", lazy_module))

    assert ["lazy_one.a" in item.what and "ModuleNotFoundError" in item.what for item in found.not_followed] == [True]
