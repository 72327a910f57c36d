"""Changes that change nothing that runs: the fingerprint stays, whatever the text looks like."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import FunctionType

import pytest

from whorl.fingerprint.code import fingerprint


def read_pairs(text: str) -> dict[str, tuple[str, str]]:
    """Take the pairs apart."""
    blocks = (block.partition("\n") for block in text.strip().removeprefix("## ").split("\n## "))
    halves = {name: body.split("\n--\n") for name, _, body in blocks}
    return {name: (before, after) for name, (before, after) in halves.items()}


# Two modules each: a name, the text before, two dashes, the text after.
SAME = read_pairs((Path(__file__).parent / "pairs" / "same.txt").read_text())


def stage_of(source: str) -> FunctionType:
    """Run a module's text and return its ``stage``."""
    namespace: dict[str, object] = {"__name__": "pair"}
    exec(compile(source, "<pair>", "exec", dont_inherit=True), namespace)
    stage = namespace["stage"]
    assert isinstance(stage, FunctionType)
    return stage


@pytest.mark.parametrize("name", SAME)
def test_what_does_not_run_does_not_count(name: str) -> None:
    """The two texts of a pair run alike."""
    before, after = SAME[name]

    assert fingerprint(stage_of(before)).digest == fingerprint(stage_of(after)).digest


@pytest.mark.parametrize("name", SAME)
def test_the_tree_names_no_difference_where_there_is_none(name: str) -> None:
    """Equal fingerprints come from a printed copy of the source too: one token of white space never counts."""
    before, _ = SAME[name]
    printed = ast.unparse(ast.parse(before))

    assert fingerprint(stage_of(before)).digest == fingerprint(stage_of(printed)).digest


def test_a_fingerprint_is_the_same_in_every_call() -> None:
    """Nothing of the process (identities, order of sets, caches) enters."""
    source = "S = frozenset({'a', 'b', ('c', 1)})\ndef stage(x): return x in S or x in {'p', 'q', 'r'}"
    digests = {fingerprint(stage_of(source)).digest for _ in range(50)}

    assert len(digests) == 1


def test_warm_code_is_the_same_code() -> None:
    """The interpreter specialises code that runs often; only what was compiled counts."""
    stage = stage_of("def stage(n):\n    t = 0\n    for i in range(n): t += i\n    return t")
    before = fingerprint(stage).digest
    for _ in range(500):
        stage(20)
    again = stage_of("def stage(n):\n    t = 0\n    for i in range(n): t += i\n    return t")

    assert fingerprint(stage).digest == before == fingerprint(again).digest


def test_tracing_does_not_count() -> None:
    """Coverage and debuggers change how code runs, not what it does."""
    source = "def stage(x):\n    return x + 1"
    stage = stage_of(source)
    previous = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        stage(1)
        traced = fingerprint(stage_of(source)).digest
    finally:
        sys.settrace(previous)

    assert traced == fingerprint(stage).digest
