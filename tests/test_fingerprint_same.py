"""Changes that change nothing that runs: the fingerprint stays, whatever the text looks like."""

from __future__ import annotations

import ast
import sys
from types import FunctionType

import pytest

from whorl.fingerprint.code import fingerprint

SAME = {
    "a comment": ("def stage(x):\n    return x + 1", "def stage(x):\n    # more\n    return x + 1  # end"),
    "a docstring": ("def stage(x):\n    return x", 'def stage(x):\n    """Text."""\n    return x'),
    "another docstring": ('def stage(x):\n    "a"\n    return x', 'def stage(x):\n    "b"\n    return x'),
    "a docstring in place of pass": ("def stage(x):\n    pass", 'def stage(x):\n    "Text."'),
    "docstring of a nested method": (
        "def stage(x):\n    class A:\n        def m(self): return x\n    return A().m()",
        'def stage(x):\n    class A:\n        "a"\n        def m(self):\n            "m"\n            return x\n'
        "    return A().m()",
    ),
    "docstring of a base class": (
        "class A:\n    def m(self): return 1\nclass B(A): pass\ndef stage(x): return B().m()",
        'class A:\n    "a"\n    def m(self):\n        "m"\n        return 1\nclass B(A):\n    "b"\n'
        "def stage(x): return B().m()",
    ),
    "annotations nobody reads": ("def stage(x, y=1): return x", "def stage(x: int, y: 'str' = 1) -> float: return x"),
    "annotated variable": ("def stage(x):\n    y = x\n    return y", "def stage(x):\n    y: int = x\n    return y"),
    "another name of the function": ("def f(x): return x\nstage = f", "def g(x): return x\nstage = g"),
    "another name of a helper": (
        "def a(x): return x * 2\ndef stage(x): return a(x)",
        "def b(x): return x * 2\ndef stage(x): return b(x)",
    ),
    "another name of a recursive function": (
        "def f(n): return n and f(n - 1)\nstage = f",
        "def g(n): return n and g(n - 1)\nstage = g",
    ),
    "another name of a constant": ("A = 3\ndef stage(x): return x * A", "B = 3\ndef stage(x): return x * B"),
    "an import under another name": (
        "import math\ndef stage(x): return math.sqrt(x)",
        "import math as m\ndef stage(x): return m.sqrt(x)",
    ),
    "order of definitions": (
        "A = 1\ndef h(x): return x + A\ndef stage(x): return h(x)",
        "def stage(x): return h(x)\ndef h(x): return x + A\nA = 1",
    ),
    "order of methods": (
        "class A:\n    def a(self): return 1\n    def b(self): return 2\ndef stage(x): return A().a()",
        "class A:\n    def b(self): return 2\n    def a(self): return 1\ndef stage(x): return A().a()",
    ),
    "order of keyword defaults": ("def stage(*, a=1, b=2): return a", "def stage(*, a=1, b=(2)): return a"),
    "a name nobody uses": ("A = 1\ndef stage(x): return x", "A = 2\nB = 3\ndef stage(x): return x"),
    "a helper nobody calls": ("def stage(x): return x", "def h(): return 1\ndef stage(x): return x"),
    "a cell nobody uses": (
        "def make(n):\n    m = n\n    return lambda x: x\nstage = make(1)",
        "def make(n):\n    m = n\n    return lambda x: x\nstage = make(2)",
    ),
    "quotes and escapes": ("def stage(x): return x + 'a\\x62'", 'def stage(x): return x + "ab"'),
    "digits": ("def stage(x): return x + 1000000", "def stage(x): return x + 1_000_000"),
    "folded arithmetic": ("def stage(x): return x * 86400", "def stage(x): return x * (24 * 60 * 60)"),
    "an f-string in pieces": ("def stage(x): return f'a{x}b'", "def stage(x): return f'a{x}' 'b'"),
    "parentheses": ("def stage(x, y): return x + y * 2", "def stage(x, y): return (x + ((y) * 2))"),
    "a call over lines": (
        "def stage(f, x): return f(x, key=1)",
        "def stage(f, x):\n    return f(\n        x,\n        key=1,\n    )",
    ),
    "a chain of methods over lines": (
        "def stage(x): return x.a().b(1).c",
        "def stage(x):\n    return (\n        x.a()\n        .b(1)\n        .c\n    )",
    ),
    "a swap over lines": (
        "def stage(a, b):\n    a, b = b, a\n    return a",
        "def stage(a, b):\n    a, \\\n    b = b, \\\n    a\n    return a",
    ),
    "a rotation over lines": (
        "def stage(a, b, c):\n    a, b, c = c, a, b\n    return a, b, c",
        "def stage(a, b, c):\n    (a,\n     b,\n     c) = (c,\n      a,\n      b)\n    return a, b, c",
    ),
    "an ignored value twice over lines": (
        "def stage(t):\n    _, _, a = t\n    return a",
        "def stage(t):\n    (_,\n     _,\n     a) = t\n    return a",
    ),
    "a condition over lines": (
        "def stage(a, b, c):\n    return a and b or c and not a",
        "def stage(a, b, c):\n    return (\n        a\n        and b\n        or c\n        and not a\n    )",
    ),
    "a comparison over lines": (
        "def stage(a, b): return a < b < 3",
        "def stage(a, b):\n    return (a <\n        b\n        < 3)",
    ),
    "a loop over lines": (
        "def stage(xs):\n    for x in xs:\n        if x and x.a: yield x\n        else: break",
        "def stage(xs):\n    for x in xs:\n        if (x\n            and x.a):\n            yield x\n\n        else:\n            break",
    ),
    "a while loop over lines": (
        "def stage(x):\n    while x and x > 1: x -= 1\n    return x",
        "def stage(x):\n    while (\n        x\n        and x > 1\n    ):\n        x -= 1\n    return x",
    ),
    "with over lines": (
        "def stage(a, b):\n    with a() as x, b() as y: return x, y",
        "def stage(a, b):\n    with (\n        a() as x,\n        b() as y,\n    ):\n        return (\n            x,\n            y,\n        )",
    ),
    "match over lines": (
        "def stage(x):\n    match x:\n        case {'a': y} if y: return y\n        case [a, *b]: return b\n        case _: return 0",
        "def stage(x):\n    match x:\n        case {\n            'a': y\n        } if (\n            y\n        ):\n            return y\n"
        "        case [\n            a,\n            *b\n        ]:\n            return b\n        case _:\n            return 0",
    ),
    "a nested comprehension over lines": (
        "def stage(m): return {k: [c for c in r if c] for k, r in m if r}",
        "def stage(m):\n    return {\n        k: [\n            c\n            for c in r\n            if c\n        ]\n        for k, r in m\n        if r\n    }",
    ),
    "try over lines": (
        "def stage(x):\n    try: return x()\n    except (KeyError, OSError) as e: return e\n    else: x.b()\n    finally: x.c()",
        "def stage(x):\n    try:\n        return x(\n        )\n    except (\n        KeyError,\n        OSError,\n    ) as e:\n"
        "        return e\n    else:\n        x.b()\n    finally:\n        # last\n        x.c()",
    ),
    "an else after return": (
        "def stage(x):\n    if x:\n        return 1\n    else:\n        return 2",
        "def stage(x):\n    if x:\n        return 1\n    return 2",
    ),
    "pass and bare constants": (
        "def stage(x):\n    x()",
        "def stage(x):\n    pass\n    x()\n    'note'\n    3\n    ...",
    ),
    "return None at the end": ("def stage(x):\n    x()", "def stage(x):\n    x()\n    return None"),
    "code after return": ("def stage(x):\n    return x", "def stage(x):\n    return x\n    print(undefined)"),
    "a branch that never runs": ("def stage(x):\n    return x", "def stage(x):\n    if 0:\n        h()\n    return x"),
    "a __future__ import": ("def stage(x): return x", "from __future__ import annotations\ndef stage(x): return x"),
    "lambda or def": ("stage = lambda x: x + 1", "def stage(x):\n    return x + 1"),
    "equal sets": (
        "S = {'a', 'b', 'c'}\ndef stage(x): return x in S",
        "S = {'c', 'b', 'a'}\ndef stage(x): return x in S",
    ),
    "a value built otherwise": ("L = [1, 2]\ndef stage(x): return L", "L = list(range(1, 3))\ndef stage(x): return L"),
    "a constant from a call": ("K = 5\ndef stage(x): return K", "K = len('abcde')\ndef stage(x): return K"),
    "a class of the same content": (
        "class A:\n    x = 1\ndef stage(v): return A.x",
        "class A:\n    # here\n    x = (1)\ndef stage(v): return A.x",
    ),
    "a lock": ("import threading\nL = threading.Lock()\ndef stage(x):\n    with L: return x",) * 2,
    "a logger of another level": (
        "import logging\nlog = logging.getLogger('a')\ndef stage(x): log.info(x)",
        "import logging\nlog = logging.getLogger('b')\ndef stage(x): log.info(x)",
    ),
    "a member alias by identity": (
        "import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\ndef stage(x): return E.A",
        "import enum\nclass E(enum.Enum):\n    'doc'\n    A = 1\n    B = 2\ndef stage(x): return E.A",
    ),
    "__file__ and where it lies": (
        "__file__ = '/a/m.py'\nimport os\nHERE = os.path.dirname(__file__) and 1\ndef stage(x): return __file__",
        "__file__ = '/b/m.py'\nimport os\nHERE = os.path.dirname(__file__) and 1\ndef stage(x): return __file__",
    ),
}


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
