"""The fixtures that several modules of tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline_folder import PipelineFolder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipelineFolder]:
    """Give a folder with a pipeline of three stages, and forget its modules afterwards."""
    from pipeline_folder import PipelineFolder

    folder = PipelineFolder(tmp_path, monkeypatch)
    folder.write_pipeline()
    yield folder
    folder.forget()
