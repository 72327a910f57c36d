"""
The example of LWDP's README in, the same frame out: with the import line changed and nothing else.

The three stages are those of the README of lwdp 0.0.4 (MIT License,
copyright 2022 Nick Padon).  Its last line calls a name that it never defines; here the last stage is
called by its own name.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

EXAMPLE = """
from whorl import stage
import pandas as pd


@stage(some_raw_file="raw/input.csv", cache=True)
def stg_read_format_raw(**kwargs) -> pd.DataFrame:
    pdf = pd.read_csv(kwargs.get('some_raw'))
    # some stuff to clean it
    return pdf


@stage(basic_raw=stg_read_format_raw, cache=True, format='parquet')
def stg_format_more(**kwargs) -> pd.DataFrame:
    raw = kwargs.get('basic_raw')
    raw['new_analysis_column'] = 3
    return raw


@stage(formatted_src=stg_format_more)
def stg_final_process(**kwargs) -> pd.DataFrame:
    result = kwargs.get("formatted_src")
    result['wizard'] = 5
    return result
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project with one raw file, entered as a user's shell would be."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "input.csv").write_text("day,n\n2024-01-01,1\n2024-01-02,2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def imported(project: Path, text: str) -> ModuleType:
    """Import the text as the module of a new process would be: nothing is left of an earlier import."""
    (project / "readme_example.py").write_text(text)
    sys.modules.pop("readme_example", None)
    importlib.invalidate_caches()
    return importlib.import_module("readme_example")


def test_the_readme_example_runs_with_the_import_line_changed(project: Path) -> None:
    """Each stage adds what it adds, whatever the spelling of the raw file's keyword."""
    frame = imported(project, EXAMPLE).stg_final_process()

    assert frame.to_dict("list") == {
        "day": ["2024-01-01", "2024-01-02"],
        "n": [1, 2],
        "new_analysis_column": [3, 3],
        "wizard": [5, 5],
    }


def test_the_second_run_of_the_example_computes_only_what_is_not_cached(project: Path) -> None:
    """The stages with cache=True hit; a stage without is run, as in LWDP."""
    first = imported(project, EXAMPLE).stg_final_process()
    again = imported(project, EXAMPLE)
    second = again.stg_final_process()

    pd.testing.assert_frame_equal(first, second)
    assert again.stg_format_more.status() == "fresh"


def test_stages_that_write_into_their_input_change_nothing_upstream(project: Path) -> None:
    """The example's stages assign columns to what they are given; the entries below stay as they were."""
    module = imported(project, EXAMPLE)
    module.stg_final_process()

    assert list(module.stg_read_format_raw().columns) == ["day", "n"]
    assert list(module.stg_format_more().columns) == ["day", "n", "new_analysis_column"]


@pytest.mark.parametrize("keyword", ["format", "cache_format"])
@pytest.mark.parametrize("name", ["parquet", "csv", "feather", "pickle"])
def test_both_spellings_of_format_choose_the_format(project: Path, keyword: str, name: str) -> None:
    """LWDP's documentation says format, its code cache_format: both name the format of the entry."""
    module = imported(project, EXAMPLE.replace("format='parquet'", f"{keyword}='{name}'"))
    first = module.stg_format_more()
    (entry,) = module.stg_format_more.entries()

    assert entry.format == name
    pd.testing.assert_frame_equal(module.stg_format_more(), first)


def test_a_changed_raw_file_reaches_the_last_stage(project: Path) -> None:
    """LWDP hashes the name of a raw file only; here its content counts."""
    imported(project, EXAMPLE).stg_final_process()
    (project / "raw" / "input.csv").write_text("day,n\n2024-01-03,7\n")

    assert imported(project, EXAMPLE).stg_final_process()["n"].tolist() == [7]


@pytest.mark.parametrize(
    ("before", "after"),
    [("'a b'", "'ab'"), ("        n = n + 1\n        n = n * 2", "        n = n + 1\n    n = n * 2")],
    ids=["blank in a constant", "dedented line"],
)
def test_blanks_that_matter_change_the_hash(project: Path, before: str, after: str) -> None:
    """LWDP removes all blanks before hashing, and serves the old result after either edit."""
    text = "from whorl import stage\n\n@stage\ndef f(n=1):\n    s = 'a b'\n    if n > 5:\n"
    text += "        n = n + 1\n        n = n * 2\n    return s, n\n"

    assert before in text
    assert imported(project, text).f.hash != imported(project, text.replace(before, after)).f.hash


def test_a_comment_does_not_change_the_hash(project: Path) -> None:
    """LWDP hashes comments, so writing one recomputes everything downstream."""
    text = EXAMPLE.replace("# some stuff to clean it", "# some stuff to clean it, explained at last")

    assert imported(project, EXAMPLE).stg_final_process.hash == imported(project, text).stg_final_process.hash


def test_arguments_are_in_the_key(project: Path) -> None:
    """LWDP returns the result of the first call whatever the arguments of the second."""
    module = imported(project, "from whorl import stage\n\n@stage(cache=True)\ndef f(n):\n    return n\n")

    assert [module.f(1), module.f(2), module.f(n=1)] == [1, 2, 1]


def test_a_shared_uncached_ancestor_runs_once(project: Path) -> None:
    """Under two stages under a third, LWDP runs an uncached stage twice."""
    text = """
from pathlib import Path
from whorl import stage

@stage
def shared():
    with Path("runs.txt").open("a") as runs:
        runs.write("shared\\n")
    return {"n": 1}

@stage(s=shared)
def left(s): return s

@stage(s=shared)
def right(s): return s

@stage(a=left, b=right)
def top(a, b): return a, b
"""
    imported(project, text).top()

    assert (project / "runs.txt").read_text() == "shared\n"
