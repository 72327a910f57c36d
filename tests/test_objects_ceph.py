"""The suite of object stores against Ceph's gateway, an S3 that was not written after the same model as moto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contracts.objects import READING, Root
from contracts.objects_together import TOGETHER
from contracts.objects_writing import WRITING
from whorl.store.objects.opening import open_objects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ceph import Ceph

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
TIMEOUT = 60.0


@pytest.fixture
def root(ceph: Ceph, tmp_path: Path, request: pytest.FixtureRequest) -> Root:
    """Give an empty folder of the bucket."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Root(lambda: opened(ceph, request.node.name), opened(ceph, request.node.name), scratch)


def opened(ceph: Ceph, name: str) -> Any:
    """Open a folder of the bucket that is named after a test."""
    folder = "".join(letter if letter.isalnum() else "-" for letter in name)
    return open_objects(f"s3://bkt/{folder}", ceph.options, TIMEOUT)


@pytest.mark.parametrize("law", [*READING, *WRITING, *TOGETHER], ids=lambda law: law.__name__)
def test_ceph(root: Root, law: Callable[[Root], None]) -> None:
    """What every kind promises."""
    law(root)


def test_unfinished_uploads_are_given_up_when_they_are_old(ceph: Ceph) -> None:
    """By the gateway's own dates."""
    objects: Any = opened(ceph, "unfinished")
    where = objects._ask("create_multipart_upload", Key="unfinished/v1/o/a")
    fresh = objects.abort_unfinished(objects.now() - 3600)
    old = objects.abort_unfinished(objects.now() + 3600)

    assert where["UploadId"]
    assert (fresh, old) == (0, 1)
