"""What the documentation says there is, is there."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

from whorl.formats.base import _MODULES
from whorl.keywords import CACHE_OPTIONS, CALL_OPTIONS
from whorl.modes import MODES
from whorl.settings import Settings

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"


def page(name: str) -> str:
    """Read a page."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def test_every_setting_is_documented() -> None:
    """And none that is none."""
    listed = set(re.findall(r"^\| `(\w+)` \|", page("configuration"), re.MULTILINE))

    assert listed == {item.name for item in fields(Settings)} - {"project"}


def test_every_format_is_documented() -> None:
    """By its name."""
    text = page("formats")

    assert {name for name in _MODULES if not re.search(rf"\b{name}\b", text)} == set()


def test_the_page_for_nuthatchs_users_names_everything_they_know() -> None:
    """Each parameter, keyword and mode of Nuthatch 0.4.11."""
    text = page("from-nuthatch")
    parameters = {"cache_args", "cache_disable_if", "fail_if_no_cache", "upsert_keys", "memoize", "version"}

    assert parameters <= set(CACHE_OPTIONS)
    assert {name for name in (*parameters, *CALL_OPTIONS, *MODES) if f"`{name}" not in text} == {
        name for name in CALL_OPTIONS if name.endswith("_kwargs") and f"`{name}" not in text
    }
    assert "…_kwargs" in text


def test_the_tests_that_a_page_names_are_there() -> None:
    """A table that claims a test has one."""
    named = re.findall(r"`(test_\w+\.py)(?:::(\w+))?`", page("from-nuthatch"))
    missing = []
    for file, test in named:
        path = TESTS / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
        known = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        if not path.exists() or (test and test not in known):
            missing.append((file, test))

    assert len(named) >= 40
    assert missing == []


def test_no_row_of_a_table_is_empty() -> None:
    """What is not built says so, and what a table says of Nuthatch has a test."""
    rows = [line for line in page("from-nuthatch").splitlines() if line.startswith("|")]
    before_the_import = page("from-nuthatch").partition("## Taking an existing cache along")[0].splitlines()
    told = [line for line in before_the_import if line.startswith("|") and not line.startswith(("| Nuthatch", "|---"))]

    assert [row for row in rows if any(not cell.strip(" \N{EN DASH}") for cell in row.strip("|").split("|"))] == []
    assert [row for row in told if "test_" not in row and "as above" not in row and "below" not in row] == []
