"""Changes that change what runs: the fingerprint moves, however small or far away they are."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import FunctionType

import pytest

from whorl.fingerprint.code import differences, fingerprint

# Expressions over a, b, c that all do different things, three spaces apart; each is compared with each.
LISTED = """
a + b   a - b   b - a   a * b   a @ b   a / b   a // b   a % b   a ** b   a << b   a >> b   a & b   a | b
a ^ b   a[b]   b[a]   a[b:c]   a[:b]   a[b:]   a[::b]   a and b   a or b   b and a   a and b or c
a and (b or c)   (a or b) and c   not a   -a   +a   ~a   a < b   a <= b   a == b   a != b   a > b   a >= b
a is b   a is not b   a in b   a not in b   a < b < c   a < b and b < c or a   a if b else c   c if b else a
b if a else c   a.x   a.y   b.x   a.x()   a.x(b)   a.x(*b)   a.x(**b)   a.x(b=b)   a.x(c=b)   a(b)   a(b, c)
a(c, b)   a(*b, *c)   a(**b, **c)   a(b, c=c)   (a, b)   [a, b]   {a, b}   {a: b}   {b: a}   (b, a)   [*a, b]
(*a, b)   {**a, 'b': b}   f'{a}'   f'{a!r}'   f'{a:>3}'   f'{a}{b}'   f'{b}{a}'   [x for x in a]
{x for x in a}   {x: x for x in a}   (x for x in a)   [x for x in a if b]   [x for x in a if x]   [b for x in a]
[x for x in a for b in c]   [(x, y) for x in a for y in b]   [(x, y) for y in b for x in a]
[x async for x in a]   lambda: a   lambda: b   lambda x: a   lambda x=1: a   lambda x=2: a   lambda *x: a
lambda **x: a   lambda x, /: a   lambda *, x: a   (d := a)   (d := b)   await a   0   1   2   0.0   -0.0   1.0
True   False   None   ...   ''   '0'   b''   b'0'   ()   (1,)   (1.0,)   (True,)   ((1,),)   1j   -1j   10**40
10**40 + 1   1e999   -1e999   '\\u00e9'   'e\\u0301'   '\\ud800'   'a\\0b'   'a\\0c'   (0, -0.0)   (0, 0.0)
'ab'   ('a', 'b')   ('ab', '')
"""
EXPRESSIONS = [text for line in LISTED.strip().split("\n") for text in line.split("   ")]


def read_blocks(text: str) -> dict[str, str]:
    """Take named blocks apart."""
    blocks = (block.partition("\n") for block in text.strip().removeprefix("## ").split("\n## "))
    return {name: body.strip("\n") for name, _, body in blocks}


PAIRS = Path(__file__).parent / "pairs"
# Bodies of a function of a, b, c, d and e that all do different things.
STATEMENTS = read_blocks((PAIRS / "bodies.txt").read_text())
# Modules with one place, $$, and the two texts for it.
MODULES = read_blocks((PAIRS / "templates.txt").read_text())


def stage_of(source: str) -> FunctionType:
    """Run a module's text and return its ``stage``."""
    namespace: dict[str, object] = {"__name__": "pair"}
    exec(compile(source.replace("\n\n", "\n").strip(), "<pair>", "exec", dont_inherit=True), namespace)
    stage = namespace["stage"]
    assert isinstance(stage, FunctionType)
    return stage


def expression_stage(text: str) -> FunctionType:
    return stage_of(f"async def stage(a, b, c, d=None):\n    return {text}")


def statement_stage(text: str) -> FunctionType:
    body = "".join(f"    {line}\n" for line in text.split("\n"))
    return stage_of(f"def stage(a, b, c, d=None, e=None):\n{body}")


def test_no_two_expressions_share_a_fingerprint() -> None:
    """Every pair of expressions is told apart: more than five thousand pairs."""
    digests = {text: fingerprint(expression_stage(text)).digest for text in EXPRESSIONS}
    clashes = [pair for pair in itertools.combinations(digests, 2) if digests[pair[0]] == digests[pair[1]]]

    assert len(digests) > 120
    assert clashes == []


def test_no_two_statements_share_a_fingerprint() -> None:
    """Every pair of statements is told apart, in a function of equal parameters."""
    digests = {name: fingerprint(statement_stage(text)).digest for name, text in STATEMENTS.items()}
    clashes = [pair for pair in itertools.combinations(digests, 2) if digests[pair[0]] == digests[pair[1]]]

    assert clashes == []


@pytest.mark.parametrize("name", MODULES)
def test_what_runs_counts(name: str) -> None:
    """One thing that the stage reaches differs between the two modules, and the comparison of parts can name it."""
    old, new = name.partition(": ")[2].split(" -> ")
    before, after = (fingerprint(stage_of(MODULES[name].replace("$$", text))) for text in (old, new))

    assert before.digest != after.digest
    assert differences(before.parts, after.parts)
