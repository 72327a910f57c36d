"""Settings: which layer wins, and what is refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from whorl import ConfigError, config

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder of its own, without variables of the environment that runs the tests."""
    (tmp_path / "pyproject.toml").write_text("[tool.whorl]\nmode = 'overwrite'\n")
    monkeypatch.chdir(tmp_path)
    for name in ("MODE", "FILESYSTEM", "STRICT", "JOBS", "WAIT_TIMEOUT"):
        monkeypatch.delenv(f"WHORL_{name}", raising=False)
    return tmp_path


def test_the_root_is_beside_the_nearest_project_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call from a folder below the project uses the project's store."""
    (project / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(project / "deep" / "down")

    assert config.settings().filesystem == str(project / ".whorl")
    assert config.settings().project == project


def test_a_stronger_layer_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is weakest, then the environment, then configure(), then options()."""
    assert config.settings().mode == "overwrite"
    monkeypatch.setenv("WHORL_MODE", "read_only")
    assert config.settings().mode == "read_only"
    config.configure(mode="write")
    try:
        assert config.settings().mode == "write"
        with config.options(mode="off"):
            assert config.settings().mode == "off"
    finally:
        config.configure(mode=None)

    assert config.settings().mode == "read_only"


def test_options_of_blocks_add_up() -> None:
    """An inner block changes what it names and keeps the rest of the outer one."""
    with config.options(jobs=3), config.options(strict=True) as inner:
        assert (inner.jobs, inner.strict) == (3, True)

    assert config.settings().jobs == 1


def test_a_mapping_of_distributions_is_an_option() -> None:
    """An option whose value has no hash is merged all the same."""
    with config.options(distributions={"pandas": "exact"}) as inner:
        assert inner.distributions == {"pandas": "exact"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"modes": "off"}, "did you mean 'mode'"),
        ({"mode": "of"}, "did you mean 'off'"),
        ({"jobs": "2"}, "jobs cannot be '2'"),
        ({"jobs": True}, "jobs cannot be True"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, object], said: str) -> None:
    """An unknown name or a wrong value is an error that names the nearest known one."""
    with pytest.raises(ConfigError, match=said), config.options(**values):
        pass


def test_variables_of_the_environment_are_read_by_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers and flags come as text and become what the setting is."""
    monkeypatch.setenv("WHORL_STRICT", "yes")
    monkeypatch.setenv("WHORL_WAIT_TIMEOUT", "2.5")
    monkeypatch.setenv("WHORL_JOBS", "4")

    found = config.settings()
    assert (found.strict, found.wait_timeout, found.jobs) == (True, 2.5, 4)
    monkeypatch.setenv("WHORL_JOBS", "many")
    with pytest.raises(ConfigError, match="WHORL_JOBS"):
        config.settings()


def test_a_file_that_cannot_be_read_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken whorl.toml is an error, not an empty configuration."""
    below = project / "other"
    below.mkdir()
    (below / "whorl.toml").write_text("mode = ")

    monkeypatch.chdir(below)
    with pytest.raises(ConfigError, match=r"whorl\.toml"):
        config.settings()


def test_a_filesystem_in_a_file_is_relative_to_the_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody who works below the project finds the same store."""
    below = project / "other"
    (below / "deep").mkdir(parents=True)
    (below / "whorl.toml").write_text("filesystem = 'results'\n")
    monkeypatch.chdir(below / "deep")

    assert config.settings().filesystem == str(below / "results")


@pytest.mark.parametrize("table", ["[tool.whorl]", '[tool."wh\\u006Frl"]'])
def test_a_table_counts_however_its_name_is_written(project: Path, table: str) -> None:
    """A file that cannot have the table is not taken apart; one that writes its name in escapes has it."""
    (project / "pyproject.toml").write_text(f"{table}\nmode = 'read_only'\n")

    assert config.settings().mode == "read_only"


def test_a_file_that_does_not_name_whorl_has_no_settings(project: Path) -> None:
    """Not even its mistakes concern whorl."""
    (project / "pyproject.toml").write_text("[tool.other]\nmode =\n")

    assert config.settings().mode == "write"


def test_variables_are_seen_while_the_process_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is set, changed or taken back counts from the next call on, in whatever stands for the environment."""
    seen = [config.settings().jobs]
    for value in ("3", "4"):
        monkeypatch.setenv("WHORL_JOBS", value)
        seen.append(config.settings().jobs)
    monkeypatch.delenv("WHORL_JOBS")
    seen.append(config.settings().jobs)
    monkeypatch.setattr(os, "environ", {"WHORL_JOBS": "5"})
    seen.append(config.settings().jobs)

    assert seen == [1, 3, 4, 1, 5]


def test_a_local_folder_alone_is_the_store(project: Path) -> None:
    """Whoever names one folder means that one; a root that is named besides is the root."""
    with config.options(local=str(project / "near")):
        assert config.settings().filesystem == config.settings().local == str(project / "near")
        with config.options(filesystem=str(project / "far")):
            assert config.settings().filesystem == str(project / "far")
