"""Stages over common libraries: no error, soon done, equal everywhere, unchanged by use, moved by changes."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pytest

from hook_examples import HOOKS
from library_examples import EXAMPLES as PLAIN
from whorl.fingerprint.code import fingerprint

pytestmark = pytest.mark.timeout(300)

TESTS = Path(__file__).parent
SEEDS = ("1", "7")
CHILD = """
import json, sys, time, types, warnings
warnings.simplefilter("ignore")
import whorl.fingerprint.values
from hook_examples import HOOKS
from library_examples import EXAMPLES
from whorl.fingerprint.code import fingerprint

EXAMPLES |= HOOKS
example = EXAMPLES[sys.argv[1]]
sys.modules["given"] = types.ModuleType("given")
namespace = vars(sys.modules["given"])
exec(compile(example.source, "given.py", "exec", dont_inherit=True), namespace)
started = time.process_time()
before = fingerprint(namespace["stage"]).digest.hex()
seconds = time.process_time() - started
exec(example.uses, namespace)
print(json.dumps({"before": before, "after": fingerprint(namespace["stage"]).digest.hex(), "seconds": seconds}))
"""
EXAMPLES = PLAIN | HOOKS
CASES = [(name, old, new) for name, example in EXAMPLES.items() for old, new in example.changes]


def need(name: str) -> None:
    """Skip loudly what is not installed."""
    if importlib.util.find_spec(EXAMPLES[name].needs) is None:
        pytest.skip(f"NOT CHECKED: {EXAMPLES[name].needs} is not installed")


@pytest.fixture(autouse=True)
def _given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the module after the test; libraries look names up in it."""
    monkeypatch.setitem(sys.modules, "given", types.ModuleType("given"))


def stage_of(source: str) -> Any:
    """Run a module's text and return its ``stage``."""
    sys.modules["given"] = types.ModuleType("given")
    namespace = vars(sys.modules["given"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(source, "given.py", "exec", dont_inherit=True), namespace)
    return namespace["stage"]


def in_new_process(name: str, seed: str) -> dict[str, Any]:
    """Fingerprint an example before and after it is used, in a process with that hash seed."""
    path = os.pathsep.join((str(TESTS.parent / "python"), str(TESTS)))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-B", "-c", CHILD, name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_stage_over_a_library_is_equal_everywhere_and_unchanged_by_use(name: str) -> None:
    """Two processes with different hash seeds agree, in less than a second, before and after the first call."""
    need(name)
    first, second = (in_new_process(name, seed) for seed in SEEDS)

    assert first["before"] == first["after"]
    assert first["before"] == second["before"] == second["after"]
    assert max(first["seconds"], second["seconds"]) < 1


@pytest.mark.parametrize(("name", "old", "new"), CASES)
def test_what_matters_to_a_library_counts(name: str, old: str, new: str) -> None:
    """One text of the module is another."""
    need(name)
    source = EXAMPLES[name].source

    assert source.count(old) >= 1
    assert fingerprint(stage_of(source)).digest != fingerprint(stage_of(source.replace(old, new))).digest


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_module_of_a_library_run_again_is_the_same(name: str) -> None:
    """New classes, tables and compiled functions of the same text are the same code."""
    need(name)

    assert fingerprint(stage_of(EXAMPLES[name].source)).digest == fingerprint(stage_of(EXAMPLES[name].source)).digest


def test_a_listener_counts_as_long_as_it_listens() -> None:
    """What listens to a whole class of SQLAlchemy is seen in a living process, when it comes and when it goes."""
    need("sqlalchemy")
    from sqlalchemy import event
    from sqlalchemy.orm import Session

    stage = stage_of("from sqlalchemy.orm import Session\ndef on(*_): return 1\ndef stage(x): return Session(x)\n")
    before = fingerprint(stage).digest
    event.listen(Session, "before_flush", stage.__globals__["on"])
    listened = fingerprint(stage).digest
    event.remove(Session, "before_flush", stage.__globals__["on"])

    assert listened != before
    assert fingerprint(stage).digest == before
