"""Importing whorl is cheap, quiet and needs none of the libraries whose values it keeps."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("IPython", "fsspec", "importlib.metadata", "numpy", "pandas", "pyarrow", "xarray", "zarr")

REPORT = """
import json, logging, sys
print(json.dumps({
    "modules": sorted(sys.modules),
    "root": [repr(handler) for handler in logging.getLogger().handlers],
    "whorl": [type(handler).__name__ for handler in logging.getLogger("whorl").handlers],
}))
"""
EVERY_NAME = "import whorl\nfor name in whorl.__all__: getattr(whorl, name)\n"


def run(script: str) -> dict[str, list[str]]:
    """Run a script in a fresh interpreter and report its modules and its log handlers."""
    # -I: neither the folder nor the environment of this session counts.
    command = [sys.executable, "-I", "-W", "error", "-c", script + REPORT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    report: dict[str, list[str]] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("script", ["import whorl\n", EVERY_NAME], ids=["import whorl", "every public name"])
def test_importing_whorl_imports_no_heavy_library(script: str) -> None:
    """Neither the import nor the use of a public name loads pandas and the like: they wait for a value of theirs."""
    without = run("")["modules"]
    loaded = set(run(script)["modules"]) - set(without)

    assert loaded.isdisjoint(HEAVY)


def test_importing_whorl_leaves_the_root_logger_alone() -> None:
    """A library configures no logging: the root logger has no handler afterwards, whorl's own has a NullHandler."""
    report = run(EVERY_NAME)

    assert report["root"] == []
    assert report["whorl"] == ["NullHandler"]


def test_public_names_are_listed_before_they_are_imported() -> None:
    """``dir(whorl)`` shows what ``__all__`` promises although nothing of it is loaded yet."""
    modules = run("import whorl\nassert set(whorl.__all__) <= set(dir(whorl))\n")["modules"]

    assert "whorl" in modules
    assert "whorl.stage" not in modules


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    """Lazy names keep Python's manners: a misspelt one raises AttributeError and names itself."""
    import whorl

    with pytest.raises(AttributeError, match="'stagee'"):
        _ = whorl.stagee  # type: ignore[attr-defined]


def test_function_and_module_of_one_name_give_the_function() -> None:
    """``whorl.stage`` and ``whorl.fingerprint`` stay the functions, whichever way their modules were imported first."""
    script = "import whorl, whorl.stage, whorl.fingerprint.code\nassert callable(whorl.stage)\n"
    report = run(script + "assert callable(whorl.fingerprint)\n")

    assert "whorl.stage" in report["modules"]
