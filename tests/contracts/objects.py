"""
What every kind of object store promises: laws over an empty root, which ``tests/test_objects.py`` asks of each kind.

``READING`` holds for read-only roots as well, which somebody else writes; ``WRITING`` (objects_writing.py) for those
that can be written; ``TOGETHER`` (objects_together.py) is about several writers, processes and clients.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from whorl.errors import StoreError
from whorl.store.objects.base import Content

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whorl.store.objects.base import Objects

MIB = 1 << 20
HEX = "0123456789abcdef" * 4
NAMES = (
    "WHORL.json",
    "v1/main/m/stage/" + HEX,
    "v1/main/g/stage/" + HEX + "/ab12",
    "v1/main/o/ab/abcd/part-0000.parquet",
    "v1/main/l/" + HEX + ".w",
    "v1/A.b_c-d/m/ABCxyz019._-/0",
    "v1/main/o/" + "n" * 128,
)


@dataclass(frozen=True)
class Root:
    """An empty root: ``open`` makes another client of it, ``writer`` writes it, and ``scratch`` is a local folder."""

    open: Callable[[], Objects]
    writer: Objects
    scratch: Path
    clock: float = 3.0

    @property
    def objects(self) -> Objects:
        """A new client."""
        return self.open()

    def file(self, data: bytes = b"") -> str:
        """Write a local file."""
        path = self.scratch / f"file-{len(list(self.scratch.iterdir()))}"
        path.write_bytes(data)
        return str(path)

    def new(self) -> str:
        """Name a local file that is not there."""
        return str(self.scratch / f"new-{len(list(self.scratch.iterdir()))}")


def noise(size: int) -> bytes:
    """Give bytes that repeat nowhere near."""
    return os.urandom(size)


def tag_of(objects: Objects, name: str) -> str:
    """Give the tag of the current version."""
    found = objects.read(name, MIB)
    assert isinstance(found, Content)
    return found.tag


def names(objects: Objects, folder: str) -> list[str]:
    """List names, sorted."""
    return sorted(item.name for item in objects.below(folder))


def an_absent_object_is_none(root: Root) -> None:
    assert root.objects.read("v1/main/m/stage/none", 100) is None


def an_absent_object_beside_others_is_none(root: Root) -> None:
    root.writer.put("v1/a/b", b"x")

    assert root.objects.read("v1/a/bc", 100) is None
    assert root.objects.read("v1/a", 100) is None


def an_absent_object_is_not_downloaded(root: Root) -> None:
    path = root.new()

    assert root.objects.download("v1/none", path, 100) is None
    assert not os.path.lexists(path)


def an_empty_object_is_empty(root: Root) -> None:
    root.writer.put("v1/empty", b"")
    found = root.objects.read("v1/empty", 100)

    assert found is not None
    assert found.data == b""


def a_single_byte_is_read(root: Root) -> None:
    root.writer.put("v1/one", b"\0")

    assert getattr(root.objects.read("v1/one", 1), "data", None) == b"\0"


def an_object_is_read_to_one_byte_beyond_the_limit(root: Root) -> None:
    root.writer.put("v1/ten", b"0123456789")
    objects = root.objects
    found = [objects.read("v1/ten", limit) for limit in (0, 1, 8, 9, 10, 11, 1 << 40)]

    assert [item.data for item in found if item] == [b"0123456789"[: n + 1] for n in (0, 1, 8, 9, 10, 11, 99)]


def the_tag_does_not_depend_on_the_limit_where_it_is_that_of_the_store(root: Root) -> None:
    root.writer.put("v1/ten", b"0123456789")
    objects = root.objects
    first, second = objects.read("v1/ten", 100), objects.read("v1/ten", 10)

    assert first == second


def a_large_object_is_read_whole(root: Root) -> None:
    data = noise(8 * MIB)
    root.writer.put("v1/large", data)
    found = root.objects.read("v1/large", 8 * MIB)

    assert found is not None
    assert found.data == data


def a_little_of_a_large_object_is_read(root: Root) -> None:
    data = noise(8 * MIB)
    root.writer.put("v1/large", data)
    found = root.objects.read("v1/large", 4096)

    assert found is not None
    assert found.data == data[:4097]


def downloads_of_all_sizes_are_whole(root: Root) -> None:
    objects = root.objects
    for size in (0, 1, 65535, MIB, MIB + 1, 3 * MIB + 7):
        data = noise(size)
        root.writer.put(f"v1/sizes/{size}", data)
        path = root.new()

        assert objects.download(f"v1/sizes/{size}", path, size) == size
        with open(path, "rb") as file:
            assert file.read() == data


def a_download_ends_one_byte_beyond_the_limit(root: Root) -> None:
    data = noise(2 * MIB)
    root.writer.put("v1/large", data)
    for limit in (0, 1000, MIB):
        path = root.new()

        assert root.objects.download("v1/large", path, limit) == limit + 1
        with open(path, "rb") as file:
            assert file.read() == data[: limit + 1]


def a_download_never_writes_over_a_file(root: Root) -> None:
    root.writer.put("v1/a", b"theirs")
    path = root.file(b"mine")

    with pytest.raises(StoreError):
        root.objects.download("v1/a", path, 100)
    with open(path, "rb") as file:
        assert file.read() == b"mine"


def all_names_of_a_store_are_possible(root: Root) -> None:
    for name in NAMES:
        root.writer.put(name, name.encode())
    objects = root.objects

    assert [getattr(objects.read(name, 1000), "data", None) for name in NAMES] == [name.encode() for name in NAMES]


def names_differ_by_case(root: Root) -> None:
    root.writer.put("v1/name", b"lower")

    assert root.objects.read("v1/NAME", 100) is None


def what_another_client_wrote_is_seen_at_once(root: Root) -> None:
    objects = root.objects
    seen = [objects.read("v1/a", 100)]
    for data in (b"first", b"other"):
        root.writer.put("v1/a", data)
        seen.append(objects.read("v1/a", 100))
    root.writer.remove(["v1/a"])

    assert [item and item.data for item in seen] == [None, b"first", b"other"]
    assert objects.read("v1/a", 100) is None


def no_bytes_are_translated(root: Root) -> None:
    data = bytes(range(256)) + b"\r\n\r\n\x1f\x8b\xff\xfe"
    root.writer.put("v1/bytes.gz", data)

    assert getattr(root.objects.read("v1/bytes.gz", 1000), "data", None) == data


def the_clock_is_that_of_this_machine_where_the_server_is(root: Root) -> None:
    assert abs(root.objects.now() - time.time()) < root.clock


def the_url_has_no_slash_at_its_end(root: Root) -> None:
    assert re.fullmatch(r"\S*[^/]", root.objects.url)


def the_client_survives_many_requests(root: Root) -> None:
    root.writer.put("v1/a", b"x")
    objects = root.objects

    assert [objects.read("v1/a", 10) for _ in range(50)].count(objects.read("v1/a", 10)) == 50


READING = (
    an_absent_object_is_none,
    an_absent_object_beside_others_is_none,
    an_absent_object_is_not_downloaded,
    an_empty_object_is_empty,
    a_single_byte_is_read,
    an_object_is_read_to_one_byte_beyond_the_limit,
    the_tag_does_not_depend_on_the_limit_where_it_is_that_of_the_store,
    a_large_object_is_read_whole,
    a_little_of_a_large_object_is_read,
    downloads_of_all_sizes_are_whole,
    a_download_ends_one_byte_beyond_the_limit,
    a_download_never_writes_over_a_file,
    all_names_of_a_store_are_possible,
    names_differ_by_case,
    what_another_client_wrote_is_seen_at_once,
    no_bytes_are_translated,
    the_clock_is_that_of_this_machine_where_the_server_is,
    the_url_has_no_slash_at_its_end,
    the_client_survives_many_requests,
)
