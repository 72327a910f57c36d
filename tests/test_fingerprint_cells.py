"""Cells of a notebook, run by IPython itself: what a cell changes counts, what it defines again as it was does not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

import whorl

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("whorl_store")

WARM_CALLS = 1_000

IMPORTS = "import asyncio, functools\nfrom whorl import stage"
CONSTANTS = "K = 1\nTABLE = {'a': [1]}"
HELPER = "def helper(x):\n    return x + K"
CLASS = "class Model:\n    def predict(self, x):\n        return x"
STAGE = "@stage(cache=True)\ndef computed(x):\n    return [helper(x), TABLE['a'], Model().predict(x)]"
ASYNC_HELPER = "async def fetch(x):\n    return x + K"
ASYNC_STAGE = "@stage(cache=True)\ndef gathered(x):\n    return asyncio.run(fetch(x))"


@pytest.fixture
def shell() -> Iterator[Any]:
    """Give a shell of its own, whose namespace is ``__main__`` as in a notebook, and end it afterwards."""
    from IPython.core.interactiveshell import InteractiveShell

    main = sys.modules["__main__"]
    made = InteractiveShell()
    for cell in (IMPORTS, CONSTANTS, HELPER, CLASS, STAGE, ASYNC_HELPER, ASYNC_STAGE):
        run(made, cell)
    yield made
    made.history_manager.end_session()
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main


def run(shell: Any, cell: str) -> Any:
    """Run a cell, and raise what it raised."""
    done = shell.run_cell(cell)
    done.raise_error()
    return done.result


def kind_of(shell: Any, stage: str = "computed") -> str:
    """Call a stage in a cell of its own, and tell what the call came to."""
    with whorl.observe() as seen:
        run(shell, f"{stage}(3)")
    return seen[-1].kind


CHANGED = {
    "a helper's cell": "def helper(x):\n    return x - K",
    "a constant's cell": "K = 2",
    "a changed table": "TABLE['a'].append(2)",
    "a class's cell": "class Model:\n    def predict(self, x):\n        return -x",
    "a patched method": "Model.predict = lambda self, x: -x",
    "a decorated helper": "@functools.lru_cache\ndef helper(x):\n    return x - K",
    "a cell with magic": "%time helper = lambda x: -x",
    "a cell that awaits": "await asyncio.sleep(0)\ndef helper(x):\n    return x * 2",
    "a stage's cell": "@stage(cache=True)\ndef computed(x):\n    return [helper(x)]",
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_cell_that_changes_something_runs_the_stage(shell: Any, name: str) -> None:
    """After a thousand fingerprints of what was there before, and a stored result."""
    assert [kind_of(shell), kind_of(shell)] == ["ran", "hit"]
    before = whorl.fingerprint(shell.user_ns["computed"]).digest
    for _ in range(WARM_CALLS):
        assert whorl.fingerprint(shell.user_ns["computed"]).digest == before
    run(shell, CHANGED[name])

    assert whorl.fingerprint(shell.user_ns["computed"]).digest != before
    assert [kind_of(shell), kind_of(shell)] == ["ran", "hit"]


@pytest.mark.parametrize("cell", [CONSTANTS, HELPER, CLASS, STAGE, f"# a word\n\n{HELPER}\n\n", "unread = 1"])
def test_a_cell_that_changes_nothing_hits(shell: Any, cell: str) -> None:
    """Running a cell again is what people do all day."""
    assert kind_of(shell) == "ran"
    before = whorl.fingerprint(shell.user_ns["computed"]).digest
    for _ in range(WARM_CALLS):
        assert whorl.fingerprint(shell.user_ns["computed"]).digest == before
    run(shell, cell)

    assert whorl.fingerprint(shell.user_ns["computed"]).digest == before
    assert kind_of(shell) == "hit"


def test_an_async_helper_is_a_helper(shell: Any) -> None:
    """The same async cell again hits, another one runs."""
    kinds = [kind_of(shell, "gathered"), kind_of(shell, "gathered")]
    run(shell, ASYNC_HELPER)
    kinds.append(kind_of(shell, "gathered"))
    run(shell, "async def fetch(x):\n    await asyncio.sleep(0)\n    return x - K")
    kinds.append(kind_of(shell, "gathered"))

    assert kinds == ["ran", "hit", "hit", "ran"]
