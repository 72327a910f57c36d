"""The fixtures that several modules of tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline_folder import PipelineFolder


@pytest.fixture(scope="session", autouse=True)
def _stat_table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the stat table of this process, and of those it starts, out of the home folder."""
    from whorl.digest import stat_table_in_use

    os.environ["WHORL_STAT_TABLE"] = str(tmp_path_factory.mktemp("cache") / "stat-table")
    yield
    table = stat_table_in_use()
    if table is not None:
        table.flush()
    os.environ["WHORL_STAT_TABLE"] = "off"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipelineFolder]:
    """Give a folder with a pipeline of three stages, and forget its modules afterwards."""
    from pipeline_folder import PipelineFolder

    folder = PipelineFolder(tmp_path, monkeypatch)
    folder.write_pipeline()
    yield folder
    folder.forget()
