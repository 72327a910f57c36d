"""The proofs of the code fingerprint, small: `make proof` runs them over everything."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from proofs import packages, rewrapping, verdicts
from proofs.corpus import compiled, parsed
from proofs.few_lines import in_few_lines
from proofs.flows import same_flow
from proofs.mutants import mutants, stage_of

if TYPE_CHECKING:
    from pathlib import Path
    from types import CodeType

STEP = 40  # every so many files of the library


@pytest.fixture(scope="module")
def rewrapped() -> dict[str, rewrapping.Tally]:
    """Wrap some files of the library anew, in all ways."""
    return rewrapping.measure(step=STEP)


@pytest.mark.parametrize("way", rewrapping.WAYS)
def test_text_that_is_wrapped_anew_is_the_same_code(way: str, rewrapped: dict[str, rewrapping.Tally]) -> None:
    """Code objects of the standard library keep their digest, however their text is laid out."""
    tally = rewrapped[way]

    assert tally.functions > 500
    assert tally.different == []
    assert len(tally.not_printed) <= 2


def test_one_token_per_line_is_the_same_text_to_the_parser() -> None:
    """Blocks, strings of many lines and comments survive."""
    text = (
        'def f(a, *, b=(1,\n  2)):  # why\n    """Doc\n  text."""\n    if a: return f"{a!r:>{b}} x"\n    return not a\n'
    )

    assert parsed(rewrapping.broken(text)).body[0].end_lineno > 20
    assert compiled(rewrapping.broken(text)).co_names == compiled(text).co_names


def test_few_lines_are_those_of_a_text_with_semicolons() -> None:
    """The lines that a tree is given are those that the parser finds in such a text."""
    text = "@d\ndef f(): a; b\nif x:\n  y\n  for i in z: w; v\n  u; t\nelif q: r\nelse: s\n"
    text += "try: a\nexcept E: b\nfinally: c\n"
    found, wanted = in_few_lines(parsed(ast.unparse(parsed(text)))), parsed(text)

    assert [node.lineno for node in ast.walk(found) if isinstance(node, ast.stmt)] == [
        node.lineno for node in ast.walk(wanted) if isinstance(node, ast.stmt)
    ]


def test_what_the_fingerprint_does_not_tell_apart_does_the_same() -> None:
    """Of small changes to functions of the library, those without effect on the flow are the ones not told."""
    tally = verdicts.judge(mutants(700, seed=5, step=STEP))

    assert sum(tally.changes.values()) == 700
    assert len(tally.changes) > 60
    assert tally.detected > 600
    assert tally.explained.total() > 0
    assert tally.unexplained == []
    assert tally.missed == []


def stage(body: str) -> CodeType:
    """Compile a function of two arguments and variables."""
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    return stage_of(compiled(f"def stage(x, y):\n{indented}")).__code__


SAME_STEPS = {
    "a constant that is true": ("while 1:\n  x()", "while 2:\n  x()"),
    "what is never reached": ("return x\nreturn y", "return x"),
    "branches turned": ("if not x: return y\nreturn x", "if x: return x\nreturn y"),
}
SAME_MOVES = {"stored twice": ("x = y()\nreturn x", "x = x = y()\nreturn x")}
OTHER = {
    "a type": ("return 1", "return True"),
    "a sign": ("return 0.0", "return -0.0"),
    "a type in a tuple": ("return (1, 2)", "return (1, 2.0)"),
    "an operator": ("return x + y", "return x - y"),
    "a comparison": ("return x < y", "return x <= y"),
    "a test turned": ("if x: return 1\nreturn 2", "if not x: return 1\nreturn 2"),
    "a global": ("return len(x)", "return max(x)"),
    "a keyword": ("return x(a=y)", "return x(b=y)"),
    "out of a handler": (
        "try:\n  x()\n  y()\nexcept KeyError: pass",
        "try:\n  x()\nexcept KeyError: pass\nelse:\n  y()",
    ),
    "nested code": ("return lambda: x + 1", "return lambda: x + 2"),
    "nested arguments": ("return lambda a, b: a", "return lambda b, a: a"),
    "two variables": ("x, y = y, x\nreturn x", "x, y = x, y\nreturn x"),
    "which is kept": ("z = x()\nw = y()\nreturn z", "w = x()\nz = y()\nreturn z"),
    "a loop that ends": ("while x: pass", "if x: pass"),
}


@pytest.mark.parametrize("name", SAME_STEPS)
def test_the_rule_of_steps_finds_what_is_the_same(name: str) -> None:
    """What the compiler makes alike goes through the same steps."""
    before, after = SAME_STEPS[name]

    assert same_flow(stage(before), stage(after))


@pytest.mark.parametrize("name", SAME_MOVES)
def test_the_rule_of_moves_finds_what_comes_to_the_same(name: str) -> None:
    """What only moves values may do it in another way."""
    before, after = SAME_MOVES[name]

    assert same_flow(stage(before), stage(after), moves=True)


@pytest.mark.parametrize("name", OTHER)
def test_neither_rule_takes_other_code_for_the_same(name: str) -> None:
    """A rule that explains everything would prove nothing."""
    before, after = OTHER[name]

    assert not same_flow(stage(before), stage(after))
    assert not same_flow(stage(before), stage(after), moves=True)


@pytest.mark.parametrize("policy", ["follow", "minor"])
def test_functions_of_a_package_are_fingerprinted_one_by_one(policy: str) -> None:
    """As own code and as foreign: no exception, no crash, and none that takes too long."""
    (tally,) = packages.measure(["click"], policy, limit=150, seconds=20)

    assert tally.tried == 150
    assert tally.is_clean, tally
    assert tally.nodes > (500 if policy == "follow" else 1)


def test_a_package_that_hurts_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception has its trace, a process that dies has the function it died of, and the others are still tried."""
    (tmp_path / "hurting.py").write_text(
        "import os\nclass Raises:\n    def __whorl_digest__(self): raise RuntimeError('no')\n"
        "class Dies:\n    def __whorl_digest__(self): os._exit(7)\n"
        "raises, dies = Raises(), Dies()\ndef a(): return raises\ndef b(): return dies\ndef c(): return 1\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tally,) = packages.measure(["hurting"], "minor", limit=100, seconds=20)
    ((error, found),) = tally.errors.items()

    assert tally.tried == tally.functions
    assert error == "RuntimeError: no"
    assert "hurting.a" in {failure.name for failure in found}
    assert "in __whorl_digest__" in found[0].trace
    assert "hurting.b (ended with 7)" in tally.crashes
    assert not tally.is_clean
