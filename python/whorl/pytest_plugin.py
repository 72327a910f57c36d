"""
A pytest session in, an isolated store per test out: the fixture ``whorl_store`` and the option ``--whorl=off``.

pytest finds this module by its entry point as soon as whorl is installed, so it imports nothing heavy.  It stands above
the arrow and only sets options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer ``--whorl=off``: stages are plain function calls for the whole session."""
    group = parser.getgroup("whorl")
    effect = "off: stages neither look results up nor store them"
    group.addoption("--whorl", choices=("on", "off"), default="on", help=effect)


def pytest_configure(config: pytest.Config) -> None:
    """Switch whorl off through the environment, so that processes which the tests start follow suit."""
    if config.getoption("--whorl") == "off":
        patch = pytest.MonkeyPatch()
        patch.setenv("WHORL_MODE", "off")
        config.add_cleanup(patch.undo)


@pytest.fixture
def whorl_store(tmp_path: Path) -> Iterator[Path]:
    """
    Give the test a store of its own, and its folder: what stages keep is gone afterwards.

    It holds for calls made in the test's own context; processes that the test starts find it by the environment.
    """
    from whorl.config import options

    folder = tmp_path / "whorl-store"
    with pytest.MonkeyPatch.context() as patch, options(filesystem=str(folder)):
        patch.setenv("WHORL_FILESYSTEM", str(folder))
        yield folder
