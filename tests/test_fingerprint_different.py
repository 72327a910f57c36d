"""Changes that change what runs: the fingerprint moves, however small or far away they are."""

from __future__ import annotations

import itertools
from types import FunctionType

import pytest

from whorl.fingerprint.code import differences, fingerprint

# Expressions over a, b, c that all do different things; each is compared with each.
EXPRESSIONS = (
    """
a + b|a - b|b - a|a * b|a @ b|a / b|a // b|a % b|a ** b|a << b|a >> b|a & b|a | b|a ^ b|a[b]|b[a]|a[b:c]|a[:b]|a[b:]
a[::b]|a and b|a or b|b and a|a and b or c|a and (b or c)|(a or b) and c|not a|-a|+a|~a|a < b|a <= b|a == b|a != b
a > b|a >= b|a is b|a is not b|a in b|a not in b|a < b < c|a < b and b < c or a|a if b else c|c if b else a|b if a else c
a.x|a.y|b.x|a.x()|a.x(b)|a.x(*b)|a.x(**b)|a.x(b=b)|a.x(c=b)|a(b)|a(b, c)|a(c, b)|a(*b, *c)|a(**b, **c)|a(b, c=c)
(a, b)|[a, b]|{a, b}|{a: b}|{b: a}|(b, a)|[*a, b]|(*a, b)|{**a, 'b': b}|f'{a}'|f'{a!r}'|f'{a:>3}'|f'{a}{b}'|f'{b}{a}'
[x for x in a]|{x for x in a}|{x: x for x in a}|(x for x in a)|[x for x in a if b]|[x for x in a if x]|[b for x in a]
[x for x in a for b in c]|[(x, y) for x in a for y in b]|[(x, y) for y in b for x in a]|[x async for x in a]
lambda: a|lambda: b|lambda x: a|lambda x=1: a|lambda x=2: a|lambda *x: a|lambda **x: a|lambda x, /: a|lambda *, x: a
(d := a)|(d := b)|await a|0|1|2|0.0|-0.0|1.0|True|False|None|...|''|'0'|b''|b'0'|()|(1,)|(1.0,)|(True,)|((1,),)|1j|-1j
10**40|10**40 + 1|1e999|-1e999|'\\u00e9'|'e\\u0301'|'\\ud800'|'a\\0b'|'a\\0c'|(0, -0.0)|(0, 0.0)|'ab'|('a', 'b')|('ab', '')
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

STATEMENTS = {
    "return": "return a",
    "return nothing": "a",
    "yield": "yield a",
    "yield from": "yield from a",
    "raise": "raise a",
    "raise from": "raise a from b",
    "assert": "assert a",
    "assert with words": "assert a, b",
    "delete": "del a",
    "delete an item": "del a[b]",
    "delete an attribute": "del a.b",
    "store an item": "a[b] = c",
    "store an attribute": "a.b = c",
    "add in place": "a += b\nreturn a",
    "add": "a = a + b\nreturn a",
    "unpack": "a, b = c\nreturn a",
    "unpack the other way": "b, a = c\nreturn a",
    "unpack a rest": "a, *b = c\nreturn a",
    "two calls": "a()\nb()",
    "two calls the other way": "b()\na()",
    "if": "if a: b()",
    "if not": "if not a: b()",
    "if else": "if a: b()\nelse: c()",
    "else if": "if a: c()\nelse: b()",
    "while": "while a: b()",
    "while else": "while a: b()\nelse: c()",
    "for": "for d in a: b()",
    "for else": "for d in a: b()\nelse: c()",
    "for break": "for d in a: break",
    "for continue": "for d in a:\n  if b: continue\n  c()",
    "for break later": "for d in a:\n  if b: break\n  c()",
    "for break else": "for d in a:\n  if b: break\nelse: c()",
    "try": "try: a()\nexcept: b()",
    "try a type": "try: a()\nexcept KeyError: b()",
    "try another type": "try: a()\nexcept ValueError: b()",
    "try two types": "try: a()\nexcept (KeyError, ValueError): b()",
    "try a name": "try: a()\nexcept KeyError as d: b(d)",
    "try else": "try: a()\nexcept KeyError: b()\nelse: c()",
    "try more": "try:\n  a()\n  c()\nexcept KeyError: b()",
    "try finally": "try: a()\nfinally: b()",
    "try and then": "try: a()\nexcept KeyError: pass\nb()",
    "group": "try: a()\nexcept* KeyError: b()",
    "with": "with a: b()",
    "with as": "with a as d: b()",
    "with two": "with a, b: c()",
    "with two the other way": "with b, a: c()",
    "nothing": "pass",
    "global": "global G\nG = a",
    "another global": "global H\nH = a",
    "local": "G = a",
    "import": "import json\nreturn json",
    "another import": "import math\nreturn math",
    "import from": "from json import loads\nreturn loads",
    "import from the other": "from json import dumps\nreturn dumps",
    "nested": "def d(): return a\nreturn d",
    "nested other": "def d(): return b\nreturn d",
    "nested default": "def d(x=1): return a\nreturn d",
    "nested other default": "def d(x=2): return a\nreturn d",
    "nonlocal": "def d():\n  nonlocal a\n  a = b\nd()\nreturn a",
    "not nonlocal": "def d():\n  a = b\nd()\nreturn a",
    "nested class": "class D:\n  x = a\nreturn D",
    "nested class with base": "class D(b):\n  x = a\nreturn D",
    "nested class with keyword": "class D(k=b):\n  x = a\nreturn D",
    "nested class attribute": "class D:\n  y = a\nreturn D",
    "decorated": "@b\ndef d(): return a\nreturn d",
    "decorated twice": "@b\n@c\ndef d(): return a\nreturn d",
    "decorated the other way": "@c\n@b\ndef d(): return a\nreturn d",
    "match value": "match a:\n  case 1: return b",
    "match another value": "match a:\n  case 2: return b",
    "match class": "match a:\n  case int(): return b",
    "match another class": "match a:\n  case str(): return b",
    "match keys": "match a:\n  case {'x': d}: return d",
    "match other keys": "match a:\n  case {'y': d}: return d",
    "match guard": "match a:\n  case d if b: return d",
    "match other guard": "match a:\n  case d if c: return d",
    "match or": "match a:\n  case 1 | 2: return b",
    "match sequence": "match a:\n  case [d, e]: return d",
    "match rest": "match a:\n  case [d, *e]: return d",
}

MODULES = {
    "a constant far away": ("K = {}\ndef h(x): return x + K\ndef stage(x): return h(x)", "1", "2"),
    "a helper's operator": ("def h(x): return x {} 2\ndef stage(x): return h(x)", "+", "-"),
    "a helper's default": ("def h(x, k={}): return k\ndef stage(x): return h(x)", "1", "1.0"),
    "a keyword default": ("def stage(x, *, k={}): return k", "1", "True"),
    "a default's content": ("def stage(x, k=[{}]): return k", "1", "2"),
    "the order of defaults": ("def stage(a={}): return a", "(1, 2)", "(2, 1)"),
    "a number of parameters": ("def stage({}): return a", "a, b", "a, b, c"),
    "a kind of parameter": ("def stage({}): return a", "a, b=1", "a, *, b=1"),
    "a positional parameter": ("def stage({}): return a", "a, b", "a, /, b"),
    "a name of a parameter": ("def stage({}, b=0): return b", "a", "c"),
    "a cell": ("def make(n): return lambda x: x + n\nstage = make({})", "1", "2"),
    "swapped cells": ("def make(a, b): return lambda x: a - b\nstage = make({})", "1, 2", "2, 1"),
    "a function in a cell": (
        "def make(f): return lambda x: f(x)\ndef h(x): return x {} 1\nstage = make(h)",
        "+",
        "-",
    ),
    "a decorator's argument": (
        "def deco(k):\n    def wrap(f): return lambda *a: f(*a) + k\n    return wrap\n@deco({})\ndef stage(x): return x",
        "1",
        "2",
    ),
    "a wrapped function": (
        "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def inner(*a): return f(*a)\n    return inner\n"
        "@deco\ndef stage(x): return x + {}",
        "1",
        "2",
    ),
    "a cached function": (
        "import functools\n@functools.lru_cache\ndef h(x): return x + {}\ndef stage(x): return h(x)",
        "1",
        "2",
    ),
    "the size of a cache": (
        "import functools\n@functools.lru_cache({})\ndef h(x): return x\ndef stage(x): return h(x)",
        "1",
        "2",
    ),
    "a partial's argument": (
        "import functools\ndef h(a, b): return a\np = functools.partial(h, {})\ndef stage(x): return p(x)",
        "1",
        "2",
    ),
    "a partial's keyword": (
        "import functools\ndef h(a, b): return a\np = functools.partial(h, b={})\ndef stage(x): return p(x)",
        "1",
        "2",
    ),
    "a dispatched function": (
        "import functools\n@functools.singledispatch\ndef h(x): return 0\n@h.register\ndef _(x: int): return {}\n"
        "def stage(x): return h(x)",
        "1",
        "2",
    ),
    "a context manager": (
        "import contextlib\n@contextlib.contextmanager\ndef m(x): yield x + {}\ndef stage(x):\n    with m(x): return x",
        "1",
        "2",
    ),
    "a bound method's object": (
        "class A:\n    def __init__(self, k): self.k = k\n    def m(self, x): return self.k\nf = A({}).m\n"
        "def stage(x): return f(x)",
        "1",
        "2",
    ),
    "a bound method": (
        "class A:\n    def m(self, x): return x + {}\nf = A().m\ndef stage(x): return f(x)",
        "1",
        "2",
    ),
    "a method of an instance's class": (
        "class A:\n    def m(self, x): return x + {}\na = A()\ndef stage(x): return a.m(x)",
        "1",
        "2",
    ),
    "an instance's attribute": (
        "class A: pass\na = A()\na.k = {}\ndef stage(x): return a.k",
        "1",
        "2",
    ),
    "a slot": (
        "class A:\n    __slots__ = ('k',)\na = A()\na.k = {}\ndef stage(x): return a.k",
        "1",
        "2",
    ),
    "a base's method": (
        "class A:\n    def m(self): return {}\nclass B(A): pass\ndef stage(x): return B().m()",
        "1",
        "2",
    ),
    "the order of bases": (
        "class A:\n    v = 1\nclass B:\n    v = 2\nclass C({}): pass\ndef stage(x): return C.v",
        "A, B",
        "B, A",
    ),
    "a metaclass": (
        "class M(type):\n    def __call__(cls): return {}\nclass A(metaclass=M): pass\ndef stage(x): return A()",
        "1",
        "2",
    ),
    "a property": ("class A:\n    @property\n    def p(self): return {}\ndef stage(x): return A().p", "1", "2"),
    "a property's setter": (
        "class A:\n    @property\n    def p(self): return 1\n    @p.setter\n    def p(self, v): self.q = v + {}\n"
        "def stage(x): A().p = x",
        "1",
        "2",
    ),
    "a cached property": (
        "import functools\nclass A:\n    @functools.cached_property\n    def p(self): return {}\ndef stage(x): return A().p",
        "1",
        "2",
    ),
    "a static method": (
        "class A:\n    @staticmethod\n    def s(x): return x + {}\ndef stage(x): return A.s(x)",
        "1",
        "2",
    ),
    "a class method": (
        "class A:\n    @classmethod\n    def c(cls, x): return x + {}\ndef stage(x): return A.c(x)",
        "1",
        "2",
    ),
    "a kind of method": (
        "class A:\n    @{}\n    def m(x): return x\ndef stage(x): return A.m",
        "staticmethod",
        "classmethod",
    ),
    "a nested class": ("class A:\n    class B:\n        v = {}\ndef stage(x): return A.B.v", "1", "2"),
    "a class attribute": ("class A:\n    v = {}\ndef stage(x): return A.v", "1", "1.0"),
    "a class attribute that is a function": (
        "def h(x): return x + {}\nclass A:\n    f = staticmethod(h)\ndef stage(x): return A.f(x)",
        "1",
        "2",
    ),
    "an annotation of a class": ("class A:\n    v: {} = 1\ndef stage(x): return A", "int", "float"),
    "a dataclass field": (
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n    a: int = {}\ndef stage(x): return A()",
        "1",
        "2",
    ),
    "the order of dataclass fields": (
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n    {}\ndef stage(x): return A(1, 2)",
        "a: int; b: int",
        "b: int; a: int",
    ),
    "a dataclass option": (
        "import dataclasses\n@dataclasses.dataclass({})\nclass A:\n    a: int = 1\ndef stage(x): return A()",
        "order=True",
        "order=False",
    ),
    "a named tuple": (
        "from typing import NamedTuple\nclass T(NamedTuple):\n    a: int\n    b: int = {}\ndef stage(x): return T(1)",
        "1",
        "2",
    ),
    "an enum's value": ("import enum\nclass E(enum.Enum):\n    A = {}\ndef stage(x): return E.A", "1", "2"),
    "the order of an enum": (
        "import enum\nclass E(enum.Enum):\n    {}\ndef stage(x): return list(E)",
        "A = 1; B = 2",
        "B = 2; A = 1",
    ),
    "an enum's method": (
        "import enum\nclass E(enum.Enum):\n    A = 1\n    def m(self): return {}\ndef stage(x): return E.A.m()",
        "1",
        "2",
    ),
    "a flag": ("import enum\nclass E(enum.Flag):\n    A = 1\n    B = {}\ndef stage(x): return E.B", "2", "4"),
    "an exception's base": ("class E({}): pass\ndef stage(x): raise E(x)", "KeyError", "OSError"),
    "a type": ("T = {}\ndef stage(x): return T(x)", "int", "float"),
    "a builtin function": ("f = {}\ndef stage(x): return f(x)", "max", "min"),
    "a shadowed builtin": ("{}\ndef stage(x): return len(x)", "", "def len(x): return 0"),
    "a name that is not defined": ("{}\ndef stage(x): return later", "", "later = 1"),
    "a list's order": ("L = {}\ndef stage(x): return L", "[1, 2]", "[2, 1]"),
    "a list or a tuple": ("L = {}\ndef stage(x): return L", "[1, 2]", "(1, 2)"),
    "a nested value": ("L = {}\ndef stage(x): return L", "{'a': [{'b': 1}]}", "{'a': [{'b': 2}]}"),
    "a key's type": ("L = {}\ndef stage(x): return L", "{1: 1}", "{True: 1}"),
    "functions in a dict": (
        "def a(x): return 1\ndef b(x): return 2\nD = {}\ndef stage(k): return D[k]",
        "{'a': a, 'b': b}",
        "{'a': b, 'b': a}",
    ),
    "a function in a nested list": ("def a(x): return {}\nD = [[a]]\ndef stage(k): return D", "1", "2"),
    "a lambda in a dict": ("D = {{'a': lambda x: x + {}}}\ndef stage(k): return D[k]", "1", "2"),
    "the end of a long text": ("T = 'x' * 1_000_000 + '{}'\ndef stage(x): return T", "a", "b"),
    "a pattern": ("import re\nR = re.compile('{}')\ndef stage(x): return R", "a", "b"),
    "a date": ("import datetime\nD = datetime.date(2024, 1, {})\ndef stage(x): return D", "1", "2"),
    "a path": ("import pathlib\nP = pathlib.Path('/data/{}')\ndef stage(x): return P", "a", "b"),
    "a docstring that is read": ("def h():\n    '{}'\ndef stage(x): return h.__doc__", "a", "b"),
    "a name that is read": (
        "def {}(): pass\nh = a if 'a' in globals() else b\ndef stage(x): return h.__name__",
        "a",
        "b",
    ),
    "an annotation that is read": ("def h(x: {}): pass\ndef stage(x): return h.__annotations__", "int", "float"),
    "a signature that is read": (
        "import inspect\ndef h(x: {}): pass\ndef stage(x): return inspect.signature(h)",
        "int",
        "float",
    ),
    "an attribute of a function": ("def h(): pass\nh.k = {}\ndef stage(x): return h.k", "1", "2"),
    "mutual recursion": (
        "def a(n): return n and b(n - 1)\ndef b(n): return n and a(n - {})\ndef stage(n): return a(n)",
        "1",
        "2",
    ),
    "a class and its methods in a circle": (
        "class A:\n    def m(self): return A().n()\n    def n(self): return {}\ndef stage(x): return A().m()",
        "1",
        "2",
    ),
    "super in a circle": (
        "class A:\n    def m(self): return {}\nclass B(A):\n    def m(self): return super().m()\ndef stage(x): return B().m()",
        "1",
        "2",
    ),
    "a generator or a list": ("def h(xs): return {}\ndef stage(x): return h(x)", "[y for y in xs]", "(y for y in xs)"),
    "a coroutine": ("{} def h(x): return x\ndef stage(x): return h(x)", "", "async"),
    "a star import's meaning": ("from math import *\n{}\ndef stage(x): return sqrt(x)", "", "from cmath import sqrt"),
    "which of two functions": (
        "def a(x): return 1\ndef b(x): return 2\nf = {}\ndef stage(x): return f(x), a(x), b(x)",
        "a",
        "b",
    ),
}


def stage_of(source: str) -> FunctionType:
    """Run a module's text and return its ``stage``."""
    namespace: dict[str, object] = {"__name__": "pair"}
    exec(compile(source.replace("\n\n", "\n").strip(), "<pair>", "exec", dont_inherit=True), namespace)
    stage = namespace["stage"]
    assert isinstance(stage, FunctionType)
    return stage


def filled(template: str, text: str) -> str:
    """Put a text into the one place of a template; other braces are written twice."""
    head, tail = template.split("{}", 1)
    return "".join((head.replace("{{", "{"), text, tail.replace("}}", "}")))


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
    template, old, new = MODULES[name]
    before, after = (fingerprint(stage_of(filled(template, text))) for text in (old, new))

    assert before.digest != after.digest
    assert differences(before.parts, after.parts)
