"""Where settings come from, in which order, and what is said of their origin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import whorl
from whorl import cache, config, parameters
from whorl.errors import ConfigError, WhorlWarning
from whorl.format_options import OPTIONS
from whorl.formats.base import _MODULES
from whorl.sections import flatten, flatten_nuthatch, variable
from whorl.settings import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "canary-of-a-secret"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give an empty project to work in, and a user without files."""
    place = tmp_path / "project"
    place.mkdir()
    (place / "pyproject.toml").write_text("")
    monkeypatch.chdir(place)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WHORL_CONFIG", str(tmp_path / "user.toml"))
    config.forget_files()
    yield place
    parameters.forget()
    config.forget_files()


def test_each_source_is_weaker_than_the_next(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nuthatch's files and variables, the user's file, the project's, variables, parameters, configure, options."""
    seen = []

    def note() -> None:
        config.forget_files()
        seen.append(os.path.basename(config.settings().filesystem))

    (project / "nuthatch.toml").write_text('[tool.nuthatch]\nfilesystem = "one"\n')
    note()
    monkeypatch.setenv("NUTHATCH_ROOT_FILESYSTEM", "two")
    note()
    (project.parent / "user.toml").write_text('filesystem = "three"\n')
    note()
    (project / "pyproject.toml").write_text('[tool.whorl.root]\nfilesystem = "four"\n')
    note()
    monkeypatch.setenv("WHORL_ROOT_FILESYSTEM", "five")
    note()
    whorl.set_parameter({"filesystem": "six"})
    note()
    with whorl.options(filesystem="seven"):
        note()

    assert seen == ["one", "two", "three", "four", "five", "six", "seven"]


def test_nuthatchs_tables_are_read_where_whorls_say_nothing(project: Path) -> None:
    """Its root, its local folder, its mirrors and its formats; what whorl does not have is left out."""
    (project / "pyproject.toml").write_text(
        """
        [tool.nuthatch]
        filesystem = "s3://bucket/caches"
        skipped_filesystems = ["x"]
        [tool.nuthatch.filesystem_options]
        key = "k"
        [tool.nuthatch.local]
        filesystem = "near"
        [tool.nuthatch.mirror-public]
        filesystem = "https://example.org/store"
        [tool.nuthatch.root.sql]
        host = "localhost"
        username = "me"
        [tool.nuthatch.root.terracotta]
        host = "localhost"
        username = "me"
        override_path = "/maps"
        [tool.nuthatch.root.zarr]
        filesystem = "s3://elsewhere"
        """
    )
    with pytest.warns(WhorlWarning, match="all formats are in one place"):
        found = config.settings()

    assert found.filesystem == "s3://bucket/caches"
    assert found.filesystem_options == {"key": "k"}
    assert found.local == str(project / "near")
    assert found.mirrors == {"public": {"filesystem": "https://example.org/store"}}
    sql = {"host": "localhost", "username": "me"}
    assert found.formats == {"sql": sql, "terracotta": {"override_path": "/maps"}, "zarr": {}}


def test_sections_and_variables_name_locations_and_formats(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They add up."""
    (project / "whorl.toml").write_text('[root.sql]\nurl = "sqlite://"\n[mirrors.one]\nfilesystem = "a"\n')
    monkeypatch.setenv("WHORL_ROOT_SQL_WRITE_URL", "sqlite:///x")
    monkeypatch.setenv("WHORL_ZARR_COMPRESSION", "none")
    monkeypatch.setenv("WHORL_MIRRORS_TWO_FILESYSTEM", "b")
    monkeypatch.setenv("WHORL_MEMORY", "5 MB")
    monkeypatch.setenv("WHORL_CACHE_MODE", "read_only")
    monkeypatch.setenv("WHORL_LOCAL_FILESYSTEM", "near")
    found = config.settings()

    assert found.formats == {"sql": {"url": "sqlite://", "write_url": "sqlite:///x"}, "zarr": {"compression": "none"}}
    assert found.mirrors == {name: {"filesystem": str(project / place)} for name, place in (("one", "a"), ("two", "b"))}
    assert (found.local_cache_size, found.mode) == ("5 MB", "read_only")
    assert found.local == str(project / "near")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("WHORL_PARQUET_ROW_GROUP_SIZE", "1000", {"parquet": {"row_group_size": 1000}}),
        ("WHORL_PARQUET_VERSION", "2.6", {"parquet": {"version": "2.6"}}),
        ("WHORL_ZARR_AUTO_RECHUNK", "True", {"zarr": {"auto_rechunk": True}}),
        ("NUTHATCH_ZARR_TARGET_READ_CHUNK_SIZE_MB", "0.5", {"zarr": {"target_read_chunk_size_mb": 0.5}}),
        ("WHORL_SQL_PASSWORD", "007", {"sql": {"password": "007"}}),
    ],
)
@pytest.mark.usefixtures("project")
def test_numbers_and_truths_in_variables_are_these(
    name: str, text: str, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable is text, and an option is not always; a password is."""
    monkeypatch.setenv(name, text)

    assert config.settings().formats == expected


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"filesistem": "x"}, "did you mean 'filesystem'"),
        ({"root": {"filesistem": "x"}}, "did you mean 'filesystem'"),
        ({"local": {"filesistem": "x"}}, "did you mean 'filesystem'"),
        ({"zar": {"compression": "none"}}, "did you mean 'zarr'"),
        ({"root": {"parquet": {"compresion": "zstd"}}}, "did you mean 'compression'"),
        ({"parquet": {"compression": "zap"}}, "not one of none, snappy, gzip, brotli, lz4, zstd"),
        ({"parquet": {"compression": "zst"}}, "did you mean 'zstd'"),
        ({"formats": {"csv": {"sep": ";"}}}, "it has delimiter"),
        ({"xml": {"compression": "zip"}}, "it has none"),
        ({"memory": "much"}, "no number of bytes"),
        ({"root": "x"}, "it is a section"),
        ({"sql": "sqlite://"}, "it is a section with options of the format"),
        ({"cache_mode": "wirte"}, "did you mean 'write'"),
        ({"mirrors": {"x": {"filesystem": "a", "filesystem_options": "b"}}}, "the mirror 'x' cannot be used"),
    ],
)
def test_what_is_unknown_is_an_error_with_the_nearest_name(table: dict[str, Any], words: str) -> None:
    """And with the place that it stands in."""
    with pytest.raises(ConfigError) as caught:
        flatten(table, "a file")

    assert words in str(caught.value)
    assert "a file" in str(caught.value)


@pytest.mark.parametrize(
    "rest", ["", "faults", "root", "mirrors_x", "sql", "distributions", "local_mode_x", "parquet_compresion"]
)
def test_a_variable_that_is_no_setting_is_none(rest: str) -> None:
    """Others may begin with the same letters."""
    assert variable(rest, "x") is None


def test_unknown_names_of_nuthatch_are_left_out() -> None:
    """Its files may have what whorl has no word for."""
    assert flatten_nuthatch({"skipped_filesystems": [], "root": {"x": 1}, "local": {}}, "a file") == {}


def test_the_formats_that_have_sections_are_those_that_there_are() -> None:
    """Settings know no format by itself."""
    assert set(_MODULES) <= set(FORMATS)
    assert set(OPTIONS) == set(_MODULES)


def test_what_pyarrow_writes_in_other_letters_and_by_columns_is_no_error() -> None:
    """Options of other people's formats are theirs, too."""
    sections = {"parquet": {"compression": "ZSTD"}, "mine": {"any": 1}}
    by_columns = {"parquet": {"compression": {"a": "gzip"}}}

    assert flatten({"formats": sections}, "a file") == {"formats": sections}
    assert flatten({"formats": by_columns}, "a file") == {"formats": by_columns}


def test_a_filesystem_that_is_none_is_not_repeated() -> None:
    """Somebody put its options, with a secret, in its place."""
    with pytest.raises(ConfigError) as caught:
        flatten({"filesystem": {"secret": CANARY}}, "a file")

    assert CANARY not in str(caught.value)


# --- parameters ---


@pytest.mark.usefixtures("project")
def test_parameters_are_set_as_nuthatch_sets_them() -> None:
    """By name, as a dict, for a location, for a format."""
    whorl.set_parameter("memory://here", "filesystem")
    whorl.set_parameter({"key": "k"}, "filesystem_options", location="root")
    whorl.set_parameter("near", parameter_name="filesystem", location="local")
    whorl.set_parameter({"filesystem": "memory://m"}, location="mirror-x")
    whorl.set_parameter("sqlite://", "url", "root", "sql")
    whorl.set_parameter({"root": {"zarr": {"compression": "none"}}}, location=None)
    found = config.settings()

    assert found.filesystem == "memory://here"
    assert found.filesystem_options == {"key": "k"}
    assert found.local.endswith("near")
    assert found.mirrors == {"x": {"filesystem": "memory://m"}}
    assert found.formats == {"sql": {"url": "sqlite://"}, "zarr": {"compression": "none"}}
    with pytest.raises(ConfigError, match="without a name"):
        whorl.set_parameter("memory://here")


@pytest.mark.usefixtures("project")
def test_a_function_gives_a_parameter_when_it_is_first_needed() -> None:
    """Once, and not when it is defined."""
    calls = []

    @whorl.config_parameter("filesystem_options", secret=True)
    def fetch() -> dict[str, str]:
        calls.append(1)
        return {"key": CANARY}

    assert calls == []
    assert config.settings().filesystem_options == config.settings().filesystem_options == {"key": CANARY}
    assert calls == [1]
    assert CANARY not in repr(config.settings())


@pytest.mark.usefixtures("project")
def test_what_a_function_raises_is_not_repeated() -> None:
    """It may have the secret in it."""

    @whorl.config_parameter("filesystem_options", secret=True)
    def fetch() -> dict[str, str]:
        raise RuntimeError(CANARY)

    with pytest.raises(ConfigError, match="cannot be had") as caught:
        config.settings()
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "RuntimeError" in caught.value.cause


# --- what an installed library brings along ---

LIBRARY = """
import whorl

@whorl.cache()
def shared(number=1):
    return [number]
"""
USE = """
import sys
sys.path.insert(0, {packages!r})
import lib, whorl
from whorl import config
with whorl.observe() as outcomes:
    value = lib.shared()
print(outcomes[0].kind, value, sorted(config.settings_for("lib").mirrors), config.settings().mirrors)
"""


def run(script: str, folder: Path, **variables: str) -> str:
    """Run a script in a folder, and give what it prints."""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_an_installed_librarys_stores_are_mirrors_of_its_stages(project: Path, tmp_path: Path) -> None:
    """Its root is read, never written; stages of the project itself do not see it."""
    packages = tmp_path / "site-packages"
    (packages / "lib").mkdir(parents=True)
    (packages / "lib" / "__init__.py").write_text(LIBRARY)
    shared = tmp_path / "shared"
    first = run(USE.format(packages=str(packages)), project, WHORL_FILESYSTEM=str(shared))
    before = sorted(path.name for path in shared.rglob("*"))
    (packages / "lib" / "whorl.toml").write_text(
        f'filesystem = "{shared}"\n[mirrors.more]\nfilesystem = "{tmp_path / "none"}"\n'
    )
    second = run(USE.format(packages=str(packages)), project)

    assert first == "ran [1] [] {}"
    assert second == "hit [1] ['lib-more', 'lib-root'] {}"
    assert sorted(path.name for path in shared.rglob("*")) == before


# --- whorl config ---


def shown(*arguments: str, **variables: str) -> str:
    """Give what ``whorl config`` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "whorl", "config", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.usefixtures("project")
def test_the_command_shows_every_setting_and_where_it_came_from(project: Path) -> None:
    """As lines, and as data."""
    (project / "pyproject.toml").write_text('[tool.whorl]\njobs = 3\n[tool.whorl.mirrors.x]\nfilesystem = "m"\n')
    text = shown("--show-origin", WHORL_MODE="read_only", WHORL_MDOE="x")
    data = json.loads(shown("--json", WHORL_MODE="read_only"))

    assert "jobs" in text
    assert "pyproject.toml [tool.whorl]" in text
    assert "WHORL_MODE" in text
    assert "default" in text
    assert "WHORL_MDOE" in text
    assert data["settings"]["jobs"] == {"value": 3, "origin": "pyproject.toml [tool.whorl]"}
    assert data["settings"]["mode"] == {"value": "read_only", "origin": "WHORL_MODE"}
    assert data["settings"]["durability"]["origin"] == "default"


@pytest.mark.usefixtures("project")
def test_the_command_masks_every_secret() -> None:
    """Options of stores and formats, passwords in URLs."""
    variables = {
        "WHORL_FILESYSTEM": f"s3://user:{CANARY}@host/bucket",
        "WHORL_FILESYSTEM_OPTIONS": json.dumps({"secret": CANARY}),
        "WHORL_ROOT_SQL_URL": f"postgresql://me:{CANARY}@host/db",
        "WHORL_MIRRORS_X_FILESYSTEM": f"https://me:{CANARY}@host/x",
        "WHORL_MIRRORS_X_FILESYSTEM_OPTIONS": json.dumps({"token": CANARY}),
    }

    assert CANARY not in shown("--show-origin", **variables)
    assert CANARY not in shown("--json", **variables)
    assert "secret" in shown(**variables)


@pytest.mark.usefixtures("project")
def test_an_option_of_a_format_reaches_it_and_no_manifest(project: Path) -> None:
    """It is how things are stored here, not what is stored."""

    @cache()
    def table() -> object:
        import pandas as pd

        return pd.DataFrame({"a": range(100_000)})

    with whorl.options(filesystem=str(project / "store"), formats={"parquet": {"compression": "zstd"}}):
        table()
        (entry,) = table.entries()
    with whorl.options(filesystem=str(project / "other")):
        table()
        (plain,) = table.entries()

    assert entry.size < plain.size
    assert entry.format_options == {}
