"""After a run: what a stage has changed itself keeps its first value, and the change of anybody else is seen."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest

from whorl.errors import NotFollowedWarning
from whorl.fingerprint.code import fingerprint, settle

if TYPE_CHECKING:
    from types import FunctionType


def stage_of(source: str) -> FunctionType:
    namespace: dict[str, object] = {"__name__": "given"}
    exec(compile(source, "given.py", "exec", dont_inherit=True), namespace)
    return namespace["stage"]  # type: ignore[return-value]


def test_a_global_that_the_stage_itself_changes_keeps_its_first_value() -> None:
    """A memo dict that fills while the stage runs is no reason to run it again; a warning names it once."""
    stage = stage_of("MEMO = {}\ndef stage(x):\n    MEMO[x] = x\n    return x")
    before = fingerprint(stage)
    stage(1)
    with pytest.warns(NotFollowedWarning, match=r"given\.MEMO"):
        settled = settle(stage, before)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warm = fingerprint(stage)
        stage(2)
        again = settle(stage, warm)

    assert settled.digest == before.digest == again.digest == fingerprint(stage).digest


def test_a_counter_that_the_stage_rebinds_keeps_its_first_value() -> None:
    """Rebinding counts like filling."""
    stage = stage_of("N = 0\ndef stage(x):\n    global N\n    N += 1\n    return x")
    before = fingerprint(stage)
    stage(1)
    with pytest.warns(NotFollowedWarning, match=r"given\.N"):
        settle(stage, before)

    assert fingerprint(stage).digest == before.digest


def test_a_change_from_outside_is_still_seen() -> None:
    """What somebody else puts into a global that a stage changes counts as a change."""
    stage = stage_of("MEMO = {}\ndef stage(x):\n    MEMO[x] = x\n    return x")
    before = fingerprint(stage)
    stage(1)
    with pytest.warns(NotFollowedWarning):
        settle(stage, before)
    stage.__globals__["MEMO"]["other"] = 1

    assert fingerprint(stage).digest != before.digest


def test_a_change_of_code_meanwhile_is_not_settled() -> None:
    """A helper that was redefined while the stage ran is a change, whatever else the stage did to its globals."""
    stage = stage_of("MEMO = {}\ndef h(x): return x\ndef stage(x):\n    MEMO[x] = x\n    return h(x)")
    before = fingerprint(stage)
    stage(1)
    exec("def h(x): return -x", stage.__globals__)

    assert settle(stage, before).digest != before.digest


def test_a_run_that_changes_nothing_settles_to_the_same() -> None:
    """The plain case costs no warning."""
    stage = stage_of("K = [1]\ndef stage(x): return K")
    before = fingerprint(stage)

    assert settle(stage, before) is before


CHANGES_ITSELF = {
    "a default": "def stage(x, memo={}):\n    memo[x] = 1",
    "a cell": "def make():\n    memo = {}\n    def stage(x): memo[x] = 1\n    return stage\nstage = make()",
    "an attribute of itself": "def stage(x): stage.calls += 1\nstage.calls = 0",
    "an attribute of a class": "class A:\n    n = 0\ndef stage(x): A.n += 1",
    "an attribute of an instance": "class A: n = 0\na = A()\ndef stage(x): a.n += 1",
    "a global, in a helper": "M = {}\ndef h(x): M[x] = 1\ndef stage(x): h(x)",
}


@pytest.mark.parametrize("what", CHANGES_ITSELF)
def test_what_a_stage_changes_itself_settles_wherever_it_hangs(what: str) -> None:
    """Memos and counters live in globals, defaults, cells and attributes; none makes a stage run for ever."""
    stage = stage_of(CHANGES_ITSELF[what])
    before = fingerprint(stage)
    stage(1)
    with pytest.warns(NotFollowedWarning):
        after = settle(stage, before)

    assert after.digest == before.digest == fingerprint(stage).digest
