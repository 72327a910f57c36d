"""Globals that change while stages run: the stages' own changes do not count, everybody else's do."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any

import pytest

from fresh_modules import fresh_module
from whorl import NotFollowedWarning, observe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("whorl_store")

SOURCE = """
import threading
from whorl import stage

calls = []
SETTINGS = {"factor": 1}
read = threading.Event()
changed = threading.Event()

@stage(cache=True)
def first():
    calls.append("first")
    return 1

@stage(first=first, cache=True)
def second(first):
    calls.append("second")
    return first + 1

@stage(second=second, cache=True)
def third(second, number=0):
    calls.append("third")
    return second + number

@stage(cache=True)
def nesting(number=1):
    calls.append("nesting")
    return first() + number

@stage(cache=True)
def reading():
    read.set()
    changed.wait(5)
    return SETTINGS["factor"]
"""


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Any]:
    """Give a module of stages that nothing has called yet."""
    with fresh_module(SOURCE, tmp_path) as module:
        yield module


ORDERS = {
    "chain": ["third()", "third()"],
    "chain with an argument": ["third()", "third(number=1)", "third()", "third(number=1)"],
    "nested": ["nesting()", "nesting()"],
    "nested, then the chain": ["nesting()", "third()", "nesting()", "third()"],
    "the chain, then nested": ["third()", "nesting()", "third()", "nesting()"],
    "everything": ["third()", "third()", "third(number=1)", "nesting()", "nesting(2)", "nesting()", "third()"],
}


@pytest.mark.filterwarnings("ignore::whorl.NotFollowedWarning")
@pytest.mark.parametrize("order", ORDERS)
def test_stages_that_share_a_list_are_stored_at_their_first_run(pipe: Any, order: str) -> None:
    """Each appends to the list that the others' code names too; none of that is a change from outside."""
    with observe() as outcomes:
        for call in ORDERS[order]:
            eval(call, vars(pipe))
    called = list(pipe.calls)
    with observe() as again:
        for call in ORDERS[order]:
            eval(call, vars(pipe))
    ran = [outcome for outcome in outcomes if outcome.kind == "ran"]

    assert [outcome.stage for outcome in ran if not outcome.stored] == []
    assert len({outcome.key for outcome in ran}) == len(ran) == len(called)
    assert {outcome.kind for outcome in again} == {"hit"}
    assert pipe.calls == called


@pytest.mark.filterwarnings("ignore::whorl.NotFollowedWarning")
@pytest.mark.parametrize("name", ["third", "nesting"])
def test_a_change_from_outside_is_seen_after_the_stages_own(pipe: Any, name: str) -> None:
    """What a stage changed itself does not count; what others put there afterwards does."""
    call = getattr(pipe, name)
    call()
    pipe.calls.append("from outside")
    with observe() as outcomes:
        call()
        call()

    assert [outcome.kind for outcome in outcomes if outcome.stage.endswith(name)] == ["ran", "hit"]


def test_a_change_of_its_own_is_named_once(pipe: Any) -> None:
    """The user learns which global keeps its first value."""
    with pytest.warns(NotFollowedWarning, match="calls") as warned:
        pipe.third()

    assert len(warned) == 1
    assert pipe.calls == ["first", "second", "third"]


@pytest.mark.filterwarnings("ignore::whorl.StaleWarning")
def test_a_global_that_another_thread_changes_meanwhile_is_no_change_of_its_own(pipe: Any) -> None:
    """The stage only reads it, so what it returned belongs to neither value: nothing is stored."""
    stored: list[bool] = []

    def call() -> None:
        with observe() as outcomes:
            pipe.reading()
        stored.extend(outcome.stored for outcome in outcomes)

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(call,))
    thread.start()
    pipe.read.wait(5)
    pipe.SETTINGS["factor"] = 2
    pipe.changed.set()
    thread.join()
    pipe.SETTINGS["factor"] = 1
    with observe() as outcomes:
        value = pipe.reading()

    assert stored == [False]
    assert (value, [outcome.kind for outcome in outcomes]) == (1, ["ran"])


LAZY = """
import logging, threading
from whorl import stage

class Session:
    def __init__(self): self.lock, self.rate = threading.Lock(), 1

session = None
log = None
made = None

@stage(cache=True)
def rated():
    global session
    session = session or Session()
    return session.rate

@stage(cache=True)
def logged():
    global log
    log = log or logging.getLogger("settled")
    return 1

@stage(cache=True)
def called():
    global made
    made = made or (lambda: 1)
    return made()
"""
CHANGES = {
    "rated": ["setattr(session, 'rate', 2)", "globals().update(session=Session())"],
    "logged": ["globals().update(log=5)"],
    "called": ["globals().update(made=lambda: 2)", "setattr(made, '__code__', (lambda: 2).__code__)"],
}


@pytest.mark.filterwarnings("ignore::whorl.NotFollowedWarning")
@pytest.mark.parametrize(("name", "change"), [(name, each) for name, listed in CHANGES.items() for each in listed])
def test_what_others_do_to_a_global_that_was_made_lazily_is_seen(tmp_path: Path, name: str, change: str) -> None:
    """The nothing that stood there counts as long as what the stage has put there is as the stage left it."""
    with fresh_module(LAZY, tmp_path) as module, observe() as outcomes:
        call = getattr(module, name)
        call()
        call()
        eval(change, vars(module))
        call()

    assert [outcome.kind for outcome in outcomes] == ["ran", "hit", "ran"]
