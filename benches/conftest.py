"""The option ``--sizes``, the fixtures that every bench uses, and the table at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from race import Race, Standing, table

import whorl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

STANDINGS: pytest.StashKey[list[Standing]] = pytest.StashKey()
DEFAULT_SIZES = "1,100"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let sizes of frames be named."""
    parser.addoption(
        "--sizes", default=DEFAULT_SIZES, help=f"sizes of frames in MB, by commas (default {DEFAULT_SIZES})"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep the standings of the session."""
    config.stash[STANDINGS] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run benches of frames once per size."""
    if "megabytes" in metafunc.fixturenames:
        sizes = [int(size) for size in metafunc.config.getoption("--sizes").split(",")]
        metafunc.parametrize("megabytes", sizes, ids=[f"{size} MB" for size in sizes])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print whorl and its peers side by side."""
    if config.stash[STANDINGS]:
        terminalreporter.section("side by side, in one run")
        for line in table(config.stash[STANDINGS]):
            terminalreporter.write_line(line)


@pytest.fixture
def race(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> Race:
    """Time whorl and peers in turn."""
    return Race(benchmark, request.config.stash[STANDINGS])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Give a store of its own, with the settings that users have by default."""
    with whorl.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "store"
