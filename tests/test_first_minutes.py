"""
What somebody types in the first five minutes in, with its mistakes; sentences that say what to do out.

Each test is a script in a fresh folder and a process of its own, as a new user would run it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(folder: Path, script: str, *, project: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder, with a home folder of its own."""
    (folder / "script.py").write_text(script)
    if project:
        (folder / "pyproject.toml").touch()
    home = {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "home" / ".cache")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WHORL_")} | home
    return subprocess.run(
        [sys.executable, "script.py"], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )


CALL_TWICE = """
from whorl import stage

FACTOR = 2

@stage(numbers="numbers.txt", cache=True)
def total(numbers):
    print("computing")
    return sum(int(line) for line in open(numbers)) * FACTOR

print(total())
"""


@pytest.mark.parametrize("project", [True, False], ids=["in a project", "anywhere"])
def test_decorate_call_edit_call_again(tmp_path: Path, *, project: bool) -> None:
    """Without any configuration: computed once, served then, computed again after an edit of code or data."""
    (tmp_path / "numbers.txt").write_text("1\n2\n")
    edited = CALL_TWICE.replace("FACTOR = 2", "FACTOR = 3")
    first, second, third = (run(tmp_path, script, project=project) for script in (CALL_TWICE, CALL_TWICE, edited))
    (tmp_path / "numbers.txt").write_text("1\n2\n3\n")
    fourth = run(tmp_path, edited, project=project)

    assert [done.stdout.split() for done in (first, second, third, fourth)] == [
        ["computing", "6"],
        ["6"],
        ["computing", "9"],
        ["computing", "18"],
    ]
    assert (tmp_path / ".whorl").exists() == project


@pytest.mark.parametrize(
    ("script", "sentences"),
    [
        (
            "@stage(numbers='nubmers.txt', cache=True)\ndef f(numbers): return 1\nf()",
            ["stage script.f: input 'numbers': nubmers.txt", "tip: "],
        ),
        (
            "@stage(cache=True, format='paruqet')\ndef f(): return 1",
            ["unknown format 'paruqet'", "did you mean 'parquet'?"],
        ),
        (
            "@stage(number='numbers.txt', cache=True)\ndef f(numbers): return 1",
            ["stage script.f cannot take the input 'number'", "did you mean 'numbers'?"],
        ),
        ("@stage(cache=True, ttl='soon')\ndef f(): return 1", ["ttl cannot be 'soon'", "'30d'"]),
        ("@stage(cache=True)\ndef f(): yield 1", ["generator function", "return a list"]),
        (
            "import threading\n@stage(cache=True)\ndef f(a): return 1\nf({'model': [threading.Lock()]})",
            ["args/a.model", "__whorl_digest__"],
        ),
        ("import whorl\nwith whorl.options(moed='off'): pass", ["unknown setting 'moed'", "did you mean 'mode'?"]),
    ],
    ids=["missing file", "format", "input", "ttl", "generator", "argument", "option"],
)
def test_a_mistake_is_answered_with_what_to_do(tmp_path: Path, script: str, sentences: list[str]) -> None:
    """An error names what failed and what to do next."""
    done = run(tmp_path, f"from whorl import stage\n{script}\n")

    assert done.returncode == 1
    assert [sentence for sentence in sentences if sentence not in done.stderr] == [], done.stderr


WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None
import pandas as pd
from whorl import stage

@stage({options})
def f(): return pd.DataFrame({{"a": [1]}})

print(f().equals(f()), f.last.kind)
"""


def test_frames_are_kept_without_pyarrow(tmp_path: Path) -> None:
    """Where pandas is installed alone, the next format that holds a frame is taken."""
    done = run(tmp_path, WITHOUT_PYARROW.format(options="cache=True"))

    assert done.stdout.split() == ["True", "hit"], done.stderr


def test_a_format_without_its_library_names_what_to_install(tmp_path: Path) -> None:
    """A format that was asked for by name is not replaced."""
    done = run(tmp_path, WITHOUT_PYARROW.format(options="cache=True, format='parquet'"))

    assert "the format parquet needs pyarrow" in done.stderr
    assert 'pip install "whorl[pandas]"' in done.stderr


def test_a_store_where_nothing_can_be_made_costs_a_warning(tmp_path: Path) -> None:
    """The result is computed and returned, whatever becomes of the store."""
    script = "import whorl\nfrom whorl import stage\n@stage(cache=True)\ndef f(): return 7\n"
    script += "with whorl.options(filesystem='/proc/nowhere'): print(f(), f())"
    done = run(tmp_path, script)

    assert done.stdout.split() == ["7", "7"]
    assert done.stderr.count("StoreWarning") == 1
