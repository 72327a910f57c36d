"""The options that name sizes, the fixtures that every bench uses, and the tables at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from board import Board
from race import Race

import whorl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

BOARD: pytest.StashKey[Board] = pytest.StashKey()
DEFAULT_SIZES = "1,100,1000"
CACHED_SIZES = "10,500"

# What hashing.md and store.md state their targets for: option, size, what is counted.
STATED = (
    ("--file-size", 4096, "MiB of the large file"),
    ("--files", 100_000, "files of 4 KiB in the tree"),
    ("--value-size", 1000, "MB of each large value"),
    ("--entries", 100_000, "entries of a large store"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let sizes be named."""
    defaults = f"{DEFAULT_SIZES}; beside nuthatch {CACHED_SIZES}"
    parser.addoption("--sizes", help=f"sizes of frames and data sets in MB, by commas (default {defaults})")
    for option, size, text in STATED:
        parser.addoption(option, default=size, type=int, help=f"{text} (default {size})")


def pytest_configure(config: pytest.Config) -> None:
    """Keep what the session finds out."""
    config.stash[BOARD] = Board()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run benches of frames and data sets once per size."""
    for fixture, defaults in (("megabytes", DEFAULT_SIZES), ("cached_megabytes", CACHED_SIZES)):
        if fixture in metafunc.fixturenames:
            sizes = [int(size) for size in (metafunc.config.getoption("--sizes") or defaults).split(",")]
            metafunc.parametrize(fixture, sizes, ids=[f"{size} MB" for size in sizes])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print whorl and its peers side by side, then the targets."""
    board = config.stash[BOARD]
    if board.standings:
        terminalreporter.section("side by side, in one run")
        terminalreporter.write_line("\n".join(board.standings_table()))
    if board.judged:
        terminalreporter.section("targets of hashing.md, fingerprint.md and store.md")
        terminalreporter.write_line("\n".join([*board.targets_table(), *_reservations(config)]))


def _reservations(config: pytest.Config) -> list[str]:
    """Say where sizes are not those of the targets."""
    sizes = [(config.getoption(option), stated, text) for option, stated, text in STATED]
    return [
        f"Not what the targets are stated for: {size} {text}, not {stated}."
        for size, stated, text in sizes
        if size != stated
    ]


@pytest.fixture(autouse=True)
def stat_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep digests of files in a table of the test's own, not in that of whoever runs it."""
    path = tmp_path / "stat-table"
    monkeypatch.setenv("WHORL_STAT_TABLE", str(path))
    return path


@pytest.fixture
def board(request: pytest.FixtureRequest) -> Board:
    """Give the board of the session."""
    return request.config.stash[BOARD]


@pytest.fixture
def race(benchmark: BenchmarkFixture, board: Board) -> Race:
    """Time whorl and peers in turn."""
    return Race(benchmark, board)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Give a store of its own, with the settings that users have by default."""
    with whorl.options(filesystem=str(tmp_path / "store")):
        yield tmp_path / "store"
