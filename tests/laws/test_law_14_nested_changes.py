"""Law 14: a change in a nested stage runs its callers, at any depth and however the stage was reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

DEEP = """
    from pathlib import Path
    from whorl import stage

    PARAMETER = 1

    @stage(raw="source.txt", cache=True)
    def source(raw):
        return Path(raw).read_text()

    @stage(text=source, cache=True)
    def upstream(text):
        return text + "u"

    @stage(cache=True)
    def deepest():
        return "d"

    @stage(raw="deep.txt", text=upstream, cache=True)
    def deep(raw, text, parameter=PARAMETER):
        return Path(raw).read_text() + text + deepest() + str(parameter)

    @stage(cache=True)
    async def deep_async():
        return deep()
"""
PIPE = """
    import asyncio
    import functools
    import importlib
    import multiprocessing
    import os
    import subprocess
    import sys
    import tempfile
    import threading
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    import deeper
    from whorl import stage

    REGISTRY = {"deep": deeper.deep}

    def helper():
        return deeper.deep()

    def in_thread(call):
        results = []
        thread = threading.Thread(target=lambda: results.append(call()))
        thread.start()
        thread.join()
        return results[0]

    class Reader:
        def read(self):
            return deeper.deep()

    async def gathered():
        return (await asyncio.gather(asyncio.to_thread(deeper.deep), deeper.deep_async()))[0]

    def pooled(pool):
        with pool as open_pool:
            return open_pool.submit(deeper.deep).result()

    def forked():
        return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))

    def moved():
        tempfile.tempdir = os.getcwd()
        return deeper.deep()

    def bare():
        os.environ.clear()
        return moved()

    def elsewhere():
        command = [sys.executable, "-c", "import deeper; print(deeper.deep(), end='')"]
        environment = {**os.environ, "TMPDIR": os.getcwd()}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    @stage(cache=True)
    def caller():
        return CALL

    @stage(cache=True)
    def outer():
        return caller() + "o"

    @stage(text=outer, cache=True)
    def last(text):
        return text + "l"
"""
WAYS = {
    "direct": "deeper.deep()",
    "helper": "helper()",
    "partial": "functools.partial(deeper.deep, parameter=deeper.PARAMETER)()",
    "lambda": "(lambda: deeper.deep())()",
    "method": "Reader().read()",
    "registry": 'REGISTRY["deep"]()',
    "getattr": 'getattr(deeper, "de" + "ep")()',
    "importlib": 'importlib.import_module("dee" + "per").deep()',
    "thread": "in_thread(deeper.deep)",
    "getattr in a thread": 'in_thread(getattr(deeper, "de" + "ep"))',
    "thread pool": "pooled(ThreadPoolExecutor(1))",
    "map": 'list(map(lambda n: getattr(deeper, "de" + "ep")(), [1]))[0]',
    "async": "asyncio.run(deeper.deep_async())",
    "gather": "asyncio.run(gathered())",
    "process pool": "pooled(forked())",
}
PROCESSES = {
    "pool": WAYS["process pool"],
    "pool with a temporary folder of its own": "forked().submit(moved).result()",
    "pool without an environment": "forked().submit(bare).result()",
    "program with a temporary folder of its own": "elsewhere()",
}
CHANGES = {
    "code": ("deeper.py", 'return "d"', 'return "e"', "asud1ol", "asue1ol"),
    "own code": ("deeper.py", "+ deepest()", "+ '-' + deepest()", "asud1ol", "asu-d1ol"),
    "parameter": ("deeper.py", "PARAMETER = 1", "PARAMETER = 2", "asud1ol", "asud2ol"),
    "raw input": ("deep.txt", "a", "b", "asud1ol", "bsud1ol"),
    "raw input of an upstream": ("source.txt", "s", "t", "asud1ol", "atud1ol"),
}


def start(session: Session, way: str) -> None:
    """Write the project, compute the last stage and settle it."""
    session.write("deeper.py", DEEP)
    session.write("pipe.py", PIPE.replace("CALL", WAYS[way]))
    session.write("deep.txt", "a")
    session.write("source.txt", "s")
    session.call("pipe.last()")
    session.settle("pipe.last()")


@pytest.mark.parametrize("way", [way for way in WAYS if way != "process pool"])
def test_each_change_runs_the_callers(warm: Session, way: str) -> None:
    """One after the other, put back in between: whatever changed, the last stage sees it."""
    start(warm, way)
    for name, (file, old, new, before, after) in CHANGES.items():
        warm.edit(file, old, new)
        changed = warm.call("pipe.last()")
        warm.edit(file, new, old)
        restored = warm.call("pipe.last()")

        assert (name, changed.value) == (name, after)
        assert (name, restored.value) == (name, before)
        assert {"caller", "outer", "last"} <= changed.ran


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", ["direct", "getattr", "gather"])
def test_a_change_is_seen_by_another_process(fresh: Session, way: str, change: str) -> None:
    """The traces are in the store, not in the memory of the process that wrote them."""
    start(fresh, way)
    file, old, new, _, after = CHANGES[change]
    fresh.edit(file, old, new)

    assert fresh.call("pipe.last()").value == after


@pytest.mark.parametrize("change", ["code", "raw input"])
@pytest.mark.parametrize("way", PROCESSES)
def test_a_call_in_another_process_is_traced_or_not_stored(session: Session, way: str, change: str) -> None:
    """It reaches the caller's trace, wherever the process has its temporary files, or nothing is stored."""
    session.write("deeper.py", DEEP)
    session.write("pipe.py", PIPE.replace("CALL", PROCESSES[way]))
    session.write("deep.txt", "a")
    session.write("source.txt", "s")
    session.call("pipe.last()")
    session.call("pipe.last()")
    file, old, new, _, after = CHANGES[change]
    session.edit(file, old, new)

    assert session.call("pipe.last()").value == after


@pytest.mark.parametrize("way", ["direct", "helper", "registry"])
def test_a_version_tag_of_a_nested_stage_counts(session: Session, way: str) -> None:
    """`version=` is part of what the callers depend on."""
    start(session, way)
    session.edit("deeper.py", "@stage(cache=True)\ndef deepest", '@stage(cache=True, version="2")\ndef deepest')
    report = session.call("pipe.last()")

    assert {"deepest", "deep", "caller", "outer"} <= report.ran


def test_a_comment_in_a_nested_stage_runs_nothing(session: Session) -> None:
    """What cannot change a result runs nothing, at any depth."""
    start(session, "getattr")
    session.edit("deeper.py", 'return "d"', 'return "d"  # the deepest')

    assert session.call("pipe.last()").kinds("last") == ["hit"]


def test_another_stage_chosen_by_a_file_is_traced(session: Session) -> None:
    """Which stage was called is part of the trace; what was not called is not."""
    source = """
        from whorl import stage

        @stage(cache=True)
        def one():
            return 1

        @stage(cache=True)
        def two():
            return 2

        @stage(cache=True)
        def caller(which):
            return globals()[which]()
    """
    session.write("pipe.py", source)
    session.call('(pipe.caller("one"), pipe.caller("two"))')
    session.settle('(pipe.caller("one"), pipe.caller("two"))')
    session.edit("pipe.py", "return 2", "return 3")
    report = session.call('(pipe.caller("one"), pipe.caller("two"))')

    assert report.value == [1, 3]
    assert report.kinds("caller") == ["hit", "ran"]


def test_a_stage_that_is_no_longer_known_is_a_miss(session: Session) -> None:
    """A trace that names a stage that is gone does not hold."""
    source = """
        from whorl import stage

        @stage(cache=True)
        def first():
            return 1

        @stage(cache=True)
        def caller():
            names = [name for name in ("first", "other") if name in globals()]
            return globals()[names[-1]]()
    """
    session.write("pipe.py", source)
    session.call("pipe.caller()")
    session.settle("pipe.caller()")
    session.write("pipe.py", source.replace("def first", "def other").replace("return 1", "return 2"))
    session.write("pipe.py", (session.project.folder / "pipe.py").read_text() + "\nglobals().pop('first', None)\n")

    assert session.call("pipe.caller()").value == 2
