"""What the first use of an object leaves in it is no change: the next process finds what the first one stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """The head of a module, the body of its stage, and a change of the head that the stage must see."""

    head: str
    body: str
    old: str
    new: str


CASES = {
    "protocol": Case(
        "from typing import Protocol\nclass P(Protocol):\n    def f(self): ...\n"
        "class A:\n    def __init__(self): self.x = 1\nclass C(P, A):\n    def f(self): return self.x\n",
        "return C().f()", "self.x = 1", "self.x = 2",
    ),
    "generic_protocol": Case(
        "from typing import Protocol, TypeVar\nT = TypeVar('T')\nclass P(Protocol[T]):\n    def f(self) -> T: ...\n"
        "class C(P[int]):\n    def f(self): return 1\n",
        "return C().f()", "return 1", "return 2",
    ),
    "flag": Case(
        "import enum\nclass F(enum.Flag):\n    A = 1\n    B = 2\n", "return (~F.A).value", "B = 2", "B = 4"
    ),
    "member": Case(
        "import enum, functools\nclass E(enum.Enum):\n    A = 1\n    @functools.cached_property\n"
        "    def p(self): return self.value\n",
        "return E.A.p", "A = 1", "A = 2",
    ),
    "cached": Case(
        "import functools\nclass L:\n    @functools.cached_property\n    def p(self): return 1\nl = L()\n",
        "return l.p", "return 1", "return 2",
    ),
    "cached_in_list": Case(
        "import functools\nclass L:\n    @functools.cached_property\n    def p(self): return 1\nL1 = [L(), L()]\n",
        "return [each.p for each in L1]", "return 1", "return 2",
    ),
    "cached_with_lock": Case(
        "import functools, threading\nclass L:\n    def __init__(self): self.lock = threading.Lock()\n"
        "    @functools.cached_property\n    def p(self): return 1\nl = L()\n",
        "return l.p", "return 1", "return 2",
    ),
    "lazy_property": Case(
        "class L:\n    _c = None\n    @property\n    def c(self):\n        if self._c is None: self._c = 5\n"
        "        return self._c\nl = L()\n",
        "return l.c", "= 5", "= 6",
    ),
    "lazy_attribute": Case(
        "class L:\n    def __getattr__(self, name):\n        if name.startswith('__'): raise AttributeError\n"
        "        self.__dict__[name] = 1\n        return 1\nl = L()\n",
        "return l.x", "return 1", "return 2",
    ),
    "graph": Case("import networkx as nx\nG = nx.path_graph(3)\n", "return len(G.nodes)", "(3)", "(4)"),
    "pydantic": Case(
        "import functools, pydantic\nclass A(pydantic.BaseModel):\n    a: int = 1\n    @functools.cached_property\n"
        "    def x(self): return self.a\nm = A()\n",
        "return m.x", "= 1", "= 2",
    ),
    "vectorize": Case(
        "import numpy as np\nv = np.vectorize(lambda x: x + 1, otypes=[float])\n",
        "return float(v([1])[0])", "x + 1", "x + 2",
    ),
    "vectorize_options": Case(
        "import numpy as np\nv = np.vectorize(lambda x: x + 1, otypes=[float])\n",
        "return v([1])[0].item()", "[float]", "[int]",
    ),
    "lazy_module": Case(
        "np = None\nK = 1\ndef get():\n    global np\n    if np is None:\n        import numpy as np\n    return np\n",
        "return float(get().sum([K]))", "K = 1", "K = 2",
    ),
    "lazy_own_module": Case("K = 1\n", "global warming_own\n    import warming_own\n    return warming_own.f() + K",
        "K = 1", "K = 2",
    ),
    "lazy_logger": Case(
        "_log = None\ndef get():\n    global _log\n    if _log is None:\n        import logging\n"
        "        _log = logging.getLogger('x')\n    return _log\n",
        "get().info('a'); return 1", "'x'", "'y'",
    ),
    "lazy_function": Case(
        "_f = None\ndef get():\n    global _f\n    if _f is None: _f = lambda: 3\n    return _f\n",
        "return get()()", "lambda: 3", "lambda: 4",
    ),
    "lazy_session": Case(
        "import threading\n_s = None\nclass S:\n    def __init__(self): self.lock, self.x = threading.Lock(), 1\n"
        "def get():\n    global _s\n    if _s is None: _s = S()\n    return _s\n",
        "return get().x", ", 1\n", ", 2\n",
    ),
    "defaultdict": Case(
        "import collections\nS = collections.defaultdict(list)\n", "return S['a']", "(list)", "(tuple)"
    ),
    "defaultdict_inside": Case(
        "import collections\nS = {'x': collections.defaultdict(list)}\n", "return S['x']['a']", "(list)", "(tuple)"
    ),
    "own_missing": Case(
        "class D(dict):\n    def __missing__(self, key): self[key] = 1; return 1\nS = D()\n",
        "return S['a']", "return 1", "return 2",
    ),
    "called": Case(
        "class N:\n    n = None\n    def __call__(self, x): self.n = x; return x + 1\nnorm = N()\n",
        "return norm(1)", "x + 1", "x + 2",
    ),
    "normalize": Case(
        "import matplotlib.colors as c\nnorm = c.Normalize(0, 1)\n", "return float(norm(.5))", "(0, 1)", "(0, 2)"
    ),
    "normalize_unset": Case(
        "import matplotlib.colors as c\nnorm = c.Normalize()\nK = 1\n", "return float(norm([1., 2.])[0]) + K",
        "K = 1", "K = 2",
    ),
    "annotations": Case("class C:\n    x = 1\n", "return (len(C.__annotations__), C.x)", "x = 1", "x = 2"),
    "runtime_protocol": Case(
        "from typing import Protocol, runtime_checkable\n@runtime_checkable\nclass P(Protocol):\n    x = 1\n"
        "class C:\n    x = 1\n",
        "return isinstance(C(), P)", "C:\n    x", "C:\n    y",
    ),
}  # fmt: skip
PROCESS = """
import importlib, json, sys, warnings
import whorl
found = {}
for name in sys.argv[1:]:
    module = importlib.import_module("warming_" + name)
    with warnings.catch_warnings(record=True) as caught, whorl.observe() as outcomes:
        warnings.simplefilter("always")
        module.stage()
    said = [str(item.message) for item in caught if isinstance(item.message, whorl.WhorlWarning)]
    found[name] = {"kind": outcomes[-1].kind, "stored": outcomes[-1].stored, "warnings": said}
print(json.dumps(found))
"""


def write(folder: Path, *, changed: bool) -> None:
    """Write a module for each case."""
    for name, case in CASES.items():
        head = case.head.replace(case.old, case.new) if changed else case.head
        assert (head != case.head) is changed
        text = f"import whorl\n{head}\n@whorl.stage(cache=True)\ndef stage():\n    {case.body}\n"
        (folder / f"warming_{name}.py").write_text(text)


def run(folder: Path) -> dict[str, dict[str, object]]:
    """Call each stage once in a process of its own; give what became of it."""
    # Two versions of a file that are written within a second must not pass for one.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", PROCESS, *CASES]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, object]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, object]]]:
    """Run all stages in three processes that share a store; before the third, each module has changed."""
    folder = tmp_path_factory.mktemp("warming")
    (folder / "pyproject.toml").write_text("[tool.whorl]\n")
    (folder / "warming_own.py").write_text("def f(): return 1\n")
    write(folder, changed=False)
    found = [run(folder), run(folder)]
    write(folder, changed=True)
    return [*found, run(folder)]


@pytest.mark.parametrize("name", CASES)
def test_a_stage_that_warms_something_up_is_stored_at_its_first_run(
    processes: list[dict[str, dict[str, object]]], name: str
) -> None:
    """One warning at most tells of it, and a new process hits."""
    first, second, _ = processes

    assert (first[name]["kind"], first[name]["stored"]) == ("ran", True)
    assert len(first[name]["warnings"]) <= 1  # type: ignore[arg-type]
    assert second[name]["kind"] == "hit"


@pytest.mark.parametrize("name", CASES)
def test_a_change_of_what_is_warmed_up_is_seen(processes: list[dict[str, dict[str, object]]], name: str) -> None:
    """What somebody wrote counts, whatever the first use adds to it."""
    _, _, third = processes

    assert third[name]["kind"] == "ran"
