"""What keys.md says of revisions, expiry and waiting: a value goes under what it was made from, not what came later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

# A colleague's process: none of the computations here has started it.
COLLEAGUE = """
    import os
    import subprocess
    import sys
    from pathlib import Path
    from whorl import observe, stage

    def recompute():
        own = {name: value for name, value in os.environ.items() if not name.startswith("WHORL_COMPUTING")}
        code = "import pipe; open('remote', 'w').write('new'); pipe.fetch.options(recompute=True)()"
        subprocess.run([sys.executable, "-c", code], env=own | {"PYTHONPATH": "."}, check=True)

    @stage(cache=True)
    def fetch():
        return Path("remote").read_text()

    @stage(cache=True)
    def outer():
        return fetch()

    @stage(raw="slow.csv", cache=True)
    def slow(raw):
        recompute()
        return 1

    @stage(fetch=fetch, slow=slow, cache=True)
    def downstream(fetch, slow):
        return fetch

    def call_while_recomputed():
        told = []

        def tell(outcome):
            if outcome.stage == "pipe.fetch" and not told:
                told.append(outcome)
                recompute()

        with observe(tell):
            return outer()
"""


def test_a_value_is_not_stored_under_a_revision_that_is_younger_than_it(fresh: Session) -> None:
    """A colleague recomputes one upstream while another is computed: the old value may be given, not kept."""
    fresh.write("remote", "old")
    fresh.write("slow.csv", "1")
    fresh.write("pipe.py", COLLEAGUE)
    fresh.call("pipe.fetch()")
    fresh.call("pipe.downstream()")
    second = fresh.call("pipe.downstream()")

    assert second.value == "new"
    assert fresh.settle("pipe.downstream()").value == "new"


def test_a_nested_call_is_recorded_under_the_revision_that_was_loaded(fresh: Session) -> None:
    """A colleague recomputes between the load and the end of the caller."""
    fresh.write("remote", "old")
    fresh.write("pipe.py", COLLEAGUE)
    fresh.call("pipe.fetch()")
    fresh.call("pipe.call_while_recomputed()")
    second = fresh.call("pipe.outer()")

    assert second.value == "new"
    assert fresh.settle("pipe.outer()").value == "new"


EXPIRING = """
    from pathlib import Path
    from whorl import stage

    @stage(ttl=0.2)
    def fetch():
        return Path("remote").read_text()

    @stage(fetch=fetch)
    def between(fetch):
        return fetch

    @stage(fetch=fetch, cache=True)
    def downstream(fetch):
        return fetch

    @stage(between=between, cache=True)
    def far(between):
        return between

    @stage(cache=True)
    def outer():
        return fetch()
"""


@pytest.mark.parametrize("stage", ["downstream", "far", "outer"])
def test_the_ttl_of_a_stage_that_is_not_stored_counts(fresh: Session, stage: str) -> None:
    """What was made from a value with a time to live does not outlive it."""
    fresh.write("remote", "old")
    fresh.write("pipe.py", EXPIRING)
    first = fresh.call(f"pipe.{stage}()")
    fresh.write("remote", "new")
    second = fresh.call(f"import time; time.sleep(0.25)\npipe.{stage}()")

    assert (first.value, first.stored(stage)) == ("old", True)
    assert (second.value, second.kind(stage)) == ("new", "ran")


WAITING = """
    import asyncio
    import threading
    import time
    from whorl import stage

    begun = threading.Event()
    changed = threading.Event()

    @stage(raw="slow.csv", cache=True)
    def slow(raw):
        begun.set()
        changed.wait(10)
        return 1

    @stage(slow=slow, cache=True)
    async def total(numbers, slow):
        return sum(numbers)

    async def change_while_waiting():
        numbers = [1, 2, 3]
        task = asyncio.create_task(total(numbers))
        while not begun.is_set():
            await asyncio.sleep(0.005)
        numbers.append(100)
        changed.set()
        return await task
"""


def test_an_argument_that_its_owner_changes_meanwhile_is_not_stored_under_what_it_was(fresh: Session) -> None:
    """An async caller goes on while its call waits for an upstream."""
    fresh.write("slow.csv", "1")
    fresh.write("pipe.py", WAITING)
    first = fresh.call("import asyncio; asyncio.run(pipe.change_while_waiting())")
    second = fresh.call("import asyncio; pipe.changed.set(); asyncio.run(pipe.total([1, 2, 3]))")

    assert first.value == 6 or not first.stored("total")
    assert second.value == 6


NAMESPACES = """
    from whorl import stage

    @stage(cache=True)
    def inner():
        return 1

    @stage(cache=True)
    def feeding():
        return 1

    @stage(feeding=feeding, cache=True)
    def outer(feeding):
        return inner()

    @stage(feeding=feeding.options(namespace="apart"), cache=True)
    def pinned(feeding):
        return 1
"""
ENTRIES = """
from whorl import options
NAMES = ("feeding", "inner", "outer", "pinned")
found = {}
for space in ("default", "apart"):
    with options(namespace=space):
        found[space] = [name for name in NAMES if getattr(pipe, name).entries()]
found
"""


@pytest.mark.parametrize(
    ("code", "apart", "default"),
    [
        ("pipe.outer.options(namespace='apart')()", ["feeding", "inner", "outer"], []),
        ("pipe.pinned()", ["feeding"], ["pinned"]),
        ("pipe.outer()", [], ["feeding", "inner", "outer"]),
    ],
)
def test_a_namespace_reaches_what_it_was_given_for(
    fresh: Session, code: str, apart: list[str], default: list[str]
) -> None:
    """Given at a call it reaches upstreams and nested stages; given with an upstream, that upstream."""
    fresh.write("pipe.py", NAMESPACES)
    fresh.call(code)
    found = fresh.call(ENTRIES)

    assert found.value == {"default": default, "apart": apart}


def test_a_stage_with_options_travels(fresh: Session) -> None:
    """A pool takes it as it takes the stage."""
    fresh.write("pipe.py", NAMESPACES)
    fresh.call("import pickle; pickle.loads(pickle.dumps(pipe.inner.options(namespace='apart')))()")
    found = fresh.call(ENTRIES)

    assert found.value == {"default": [], "apart": ["inner"]}


SIDE_BY_SIDE = """
    import threading
    import time
    from whorl import stage

    lock = threading.Lock()
    counts = {"now": 0, "most": 0}

    def make(number):
        @stage(name=f"wait{number}")
        def wait():
            with lock:
                counts["now"] += 1
                counts["most"] = max(counts["most"], counts["now"])
            time.sleep(0.03)
            with lock:
                counts["now"] -= 1
            return number
        return wait

    @stage(jobs=2, **{f"wait{number}": make(number) for number in range(10)})
    def top(**waits):
        return len(waits)

    @stage
    def caller():
        return top()

    def most(called):
        called()
        return counts["most"]
"""


@pytest.mark.parametrize("called", ["top", "caller"])
def test_jobs_is_a_limit_inside_a_body_too(fresh: Session, called: str) -> None:
    """A body that calls a stage with `jobs=2` has at most two of its upstreams computed at once."""
    fresh.write("pipe.py", SIDE_BY_SIDE)

    assert fresh.call(f"pipe.most(pipe.{called})").value == 2
