"""The same code elsewhere: another process, folder, hash seed, from bytecode, from a zip, sent by cloudpickle."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SOURCE = str(Path(__file__).resolve().parents[1] / "python")

HELPERS = """
import re
TABLE = frozenset({"alpha", "beta", "gamma"})
def scale(v, k={1: "a", 2: ("b", 3.5)}):
    return [x * 2 for x in v if x not in TABLE], k
class Model:
    rate = 2
    def predict(self, x):
        return super().__repr__(), x * self.rate
PATTERN = re.compile("a+", re.I)
"""

PIPELINE = """
import functools
import elsewhere_helpers as helpers
from elsewhere_helpers import Model

MODEL = Model()
WORDS = {"one", "two", "three"}

def make(n):
    def inner(x):
        return x + str(n)
    return functools.partial(inner)

inner = make(3)

def stage(x):
    def nested(y):
        return y in {"p", "q", "r"}
    return helpers.scale(x), MODEL.predict(x), inner(x), nested(x), WORDS, helpers.PATTERN.match(x)
"""

PRINT = """
import whorl.fingerprint.values
from whorl.fingerprint.code import fingerprint
print(fingerprint(stage).digest.hex())
"""


def write_project(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "elsewhere_helpers.py").write_text(HELPERS)
    (folder / "elsewhere_pipeline.py").write_text(PIPELINE)


def run(code: str, path: Path, seed: str = "0", cwd: Path | None = None, data: bytes | None = None) -> str:
    """Run code in a new process that finds modules in ``path``."""
    environment = {**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{path}", "PYTHONHASHSEED": seed}
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, input=data, cwd=cwd, env=environment, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


IMPORTED = f"from elsewhere_pipeline import stage{PRINT}"


@pytest.fixture
def expected(tmp_path: Path) -> str:
    """The fingerprint as it is when the source is simply imported."""
    write_project(tmp_path / "first")
    return run(IMPORTED, tmp_path / "first")


@pytest.mark.parametrize("seed", ["1", "7", "random"])
def test_the_seed_of_hashes_does_not_count(tmp_path: Path, expected: str, seed: str) -> None:
    """The order of sets differs between processes; what is in them does not."""

    assert run(IMPORTED, tmp_path / "first", seed) == expected


def test_the_folder_and_the_working_directory_do_not_count(tmp_path: Path, expected: str) -> None:
    """A colleague's checkout lies elsewhere and is run from elsewhere."""
    write_project(tmp_path / "second" / "deeper")
    (tmp_path / "elsewhere").mkdir()

    assert run(IMPORTED, tmp_path / "second" / "deeper", cwd=tmp_path / "elsewhere") == expected


def test_code_without_source_is_the_same_code(tmp_path: Path, expected: str) -> None:
    """A folder of .pyc files holds what was compiled, and that counts."""
    write_project(tmp_path / "compiled")
    for source in (tmp_path / "compiled").glob("*.py"):
        py_compile.compile(str(source), cfile=str(source.with_suffix(".pyc")), doraise=True)
        source.unlink()

    assert run(IMPORTED, tmp_path / "compiled") == expected


def test_code_in_a_zip_is_the_same_code(tmp_path: Path, expected: str) -> None:
    """Python imports from archives as from folders."""
    write_project(tmp_path / "to_zip")
    archive = tmp_path / "project.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for source in (tmp_path / "to_zip").glob("*.py"):
            file.write(source, source.name)

    assert run(IMPORTED, archive) == expected


def test_code_run_as_a_script_is_the_same_code(tmp_path: Path, expected: str) -> None:
    """``python pipeline.py`` and an import of it find each other's results."""
    script = tmp_path / "first" / "elsewhere_pipeline.py"
    script.write_text(PIPELINE + PRINT)
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    done = subprocess.run([sys.executable, "-B", script], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == expected


def test_code_sent_to_a_worker_is_the_same_code(tmp_path: Path, expected: str) -> None:
    """A function pickled by value runs in another process, in another folder, without its source."""
    pytest.importorskip("cloudpickle")
    send = (
        "import cloudpickle, sys, elsewhere_pipeline, elsewhere_helpers\n"
        "cloudpickle.register_pickle_by_value(elsewhere_pipeline)\n"
        "cloudpickle.register_pickle_by_value(elsewhere_helpers)\n"
        "sys.stdout.write(cloudpickle.dumps(elsewhere_pipeline.stage).hex())"
    )
    pickled = run(send, tmp_path / "first")
    (tmp_path / "nothing").mkdir()
    receive = f"import sys, cloudpickle\nstage = cloudpickle.loads(bytes.fromhex(sys.stdin.read())){PRINT}"

    assert run(receive, tmp_path / "nothing", cwd=tmp_path / "nothing", data=pickled.encode()) == expected


def test_the_order_of_imports_does_not_count(tmp_path: Path, expected: str) -> None:
    """Whoever imported what before finds the same code."""
    first = f"import elsewhere_helpers, json, decimal, numpy\n{IMPORTED}"

    assert run(first, tmp_path / "first") == expected


def test_code_that_ran_already_is_the_same_code(tmp_path: Path, expected: str) -> None:
    """Caches that filled and code that was specialised while it ran change nothing."""
    warm = f"from elsewhere_pipeline import stage\nfor i in range(300): stage('abc')\n{PRINT}"

    assert run(warm, tmp_path / "first") == expected
