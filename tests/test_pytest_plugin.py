"""The pytest plugin gives each test a store of its own and can switch whorl off."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from whorl.config import settings

if TYPE_CHECKING:
    from pathlib import Path


def test_whorl_store_is_the_root_store_of_the_test(whorl_store: Path, tmp_path: Path) -> None:
    """Inside a test that asks for the fixture, entries go below the test's own temporary folder."""
    root = settings().filesystem

    assert root == str(whorl_store)
    assert whorl_store.is_relative_to(tmp_path)


def test_whorl_store_holds_in_processes_that_the_test_starts(whorl_store: Path) -> None:
    """A script under test finds the store by its environment."""
    script = "from whorl.config import settings; print(settings().filesystem)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == str(whorl_store)


@pytest.mark.parametrize(("arguments", "mode"), [(["--whorl=off"], "off"), ([], "write")])
def test_the_option_switches_whorl_off_for_the_session(tmp_path: Path, arguments: list[str], mode: str) -> None:
    """With ``--whorl=off`` every test of the session sees the mode ``off``, without it the default."""
    (tmp_path / "test_mode.py").write_text(
        f"from whorl.config import settings\n\ndef test_mode():\n    assert settings().mode == {mode!r}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WHORL_", "PYTEST_"))}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    assert done.returncode == 0, done.stdout


def test_the_option_is_undone_after_the_session() -> None:
    """A session leaves the environment as it was, also within one process."""
    script = "import os, pytest; pytest.main(['--whorl=off', '--version']); print(os.environ.get('WHORL_MODE'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "None"
