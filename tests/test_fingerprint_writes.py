"""Code and the name of a global: whether running the code may change what is there, as a whole or by a part of it."""

from __future__ import annotations

from typing import Any

import pytest

from whorl.fingerprint.writes import acts_on, may_write, uses_of_parts

READS = [
    'K["a"]', 'K.get("a")', "K.a", '"a" in K', "K == x", "K + x", "[x for x in K]", "len", "K[x]",
    "f(K.a)", 'f(K["a"])', 'K["a"]["b"]', "K.a.b", 'K["a"].get(1)',
]  # fmt: skip
WRITES = [
    "K.append(1)", "K.update(a=1)", "str(K)", "f(K)", "[K]", 'K["a"].append(1)', "K.a.b(1)", "lambda: K.clear()",
]  # fmt: skip
WRITING_STATEMENTS = [
    'K["a"] = 1', 'K["a"] += 1', 'del K["a"]', 'K["a"]["b"] = 1', 'del K.a["b"]', "K.a = 1", "K.a += 1", "del K.a",
    "global K; K = 1", "global K; K += 1", "global K; del K",
    "x = K; x.append(1)", "for K.a in x: pass", "def g():\n        global K\n        K = 1",
    "for x in range(2):\n        K[x] = 1",
]  # fmt: skip


class OpenKind:
    """A class whose objects may change when they are used."""


def compiled(body: str) -> Any:
    """Make the code object of a function with that body."""
    names: dict[str, Any] = {}
    exec(f"def function(x=None, f=None):\n    {body}\n", names)
    return names["function"].__code__


@pytest.mark.parametrize("expression", READS)
def test_reading_a_global_is_no_write(expression: str) -> None:
    """A value that is taken out of a global, or compared with it, leaves it as it was."""
    assert not may_write([compiled(f"return {expression}")], "K")


@pytest.mark.parametrize("expression", WRITES)
def test_handing_a_global_on_may_be_a_write(expression: str) -> None:
    """Whatever gets hold of the object may change it, and so may a method that nobody knows."""
    assert may_write([compiled(f"return {expression}")], "K")


@pytest.mark.parametrize("statement", WRITING_STATEMENTS)
def test_storing_into_a_global_is_a_write(statement: str) -> None:
    """The name, an item, an attribute, directly or in a function inside."""
    assert may_write([compiled(statement)], "K")


def test_another_global_is_not_written() -> None:
    """Only uses of the name in question count, in any of the code that is reached."""
    code = [compiled('L["a"] = K["a"]'), compiled("return L")]

    assert not may_write(code, "K")
    assert may_write(code, "L")
    assert not may_write([], "K")


ON_IT = [
    "K.append(1)", "K.update(a=1)", 'K["a"].append(1)', "K.a.clear()", "lambda: K.clear()", "K.fetch()",
    "f(K)", "[K]",
]  # fmt: skip
ON_A_PART = {
    'K["a"].read(1)': ("[]", "read()"), "K.a.b(1)": ("a", "b()"), 'f(K["a"])': ("[]", "handed on"),
    'K["a"]["b"].c()': ("[]", "[]", "c()"),
}  # fmt: skip
READING = ["len(K)", "sum(K)", 'K["a"]', "K.get(x)", 'K["a"] + 1', "x in K"]


@pytest.mark.parametrize("code", [*(f"return {each}" for each in ON_IT), *WRITING_STATEMENTS[:11]])
def test_code_acts_on_a_value(code: str) -> None:
    """It stores into it, calls a method, or hands it on: as a whole it may be another one then."""
    assert acts_on([compiled(code)], "K")


@pytest.mark.parametrize("code", [*ON_A_PART, *READING])
def test_who_uses_a_part_does_not_act_on_the_whole(code: str) -> None:
    """A reader of what others have put there does so."""
    assert not acts_on([compiled(f"return {code}")], "K")


@pytest.mark.parametrize("code", ON_A_PART)
def test_how_a_part_is_used_is_told(code: str) -> None:
    """Two that use parts alike may both change them."""
    assert uses_of_parts([compiled(f"return {code}")], "K", [OpenKind]) == {ON_A_PART[code]}
