"""
What every kind of object store promises: laws over an empty root, which ``tests/test_objects.py`` asks of each kind.

``READING`` holds for read-only roots as well, which somebody else writes; ``WRITING`` for those that can be written;
``TOGETHER`` (objects_together.py) is about several writers, processes and clients.
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


def names(objects: Objects, folder: str) -> list[str]:
    """List names, sorted."""
    return sorted(item.name for item in objects.below(folder))


# --- reading -----------------------------------------------------------------------------------------------------


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


# --- writing -----------------------------------------------------------------------------------------------------


def what_is_created_is_read(root: Root) -> None:
    objects = root.objects

    assert objects.create("v1/main/m/stage/key", b"data") is True
    assert getattr(objects.read("v1/main/m/stage/key", 100), "data", None) == b"data"


def what_exists_is_not_created(root: Root) -> None:
    objects = root.objects
    objects.put("v1/a", b"first")

    assert objects.create("v1/a", b"other") is False
    assert getattr(objects.read("v1/a", 100), "data", None) == b"first"


def an_empty_object_exists(root: Root) -> None:
    objects = root.objects

    assert [objects.create("v1/a", b""), objects.create("v1/a", b""), objects.create("v1/a", b"x")] == [
        True,
        False,
        False,
    ]
    assert getattr(objects.read("v1/a", 100), "data", None) == b""


def what_was_removed_is_created_again(root: Root) -> None:
    objects = root.objects
    objects.create("v1/a", b"first")
    objects.remove(["v1/a"])

    assert objects.create("v1/a", b"other") is True
    assert getattr(objects.read("v1/a", 100), "data", None) == b"other"


def a_version_is_replaced_once(root: Root) -> None:
    objects = root.objects
    objects.put("v1/a", b"first")
    tag = tag_of(objects, "v1/a")

    assert [objects.replace("v1/a", b"second", tag), objects.replace("v1/a", b"third", tag)] == [True, False]
    assert getattr(objects.read("v1/a", 100), "data", None) == b"second"


def the_next_version_is_replaced_by_its_own_tag(root: Root) -> None:
    objects = root.objects
    objects.put("v1/a", b"0")
    for data in (b"1", b"2", b"3"):
        assert objects.replace("v1/a", data, tag_of(objects, "v1/a")) is True

    assert getattr(objects.read("v1/a", 100), "data", None) == b"3"


def a_version_that_is_gone_is_not_replaced(root: Root) -> None:
    objects = root.objects
    objects.put("v1/a", b"first")
    tag = tag_of(objects, "v1/a")
    objects.remove(["v1/a"])

    assert objects.replace("v1/a", b"second", tag) is False
    assert objects.read("v1/a", 100) is None


def a_tag_changes_with_the_content(root: Root) -> None:
    objects = root.objects
    objects.put("v1/a", b"first")
    before = tag_of(objects, "v1/a")
    objects.put("v1/a", b"other")

    assert before
    assert tag_of(objects, "v1/a") != before


def writing_writes_over(root: Root) -> None:
    objects = root.objects
    for data in (b"a longer text", b"short", b""):
        objects.put("v1/a", data)

        assert getattr(objects.read("v1/a", 100), "data", None) == data


def a_listing_is_deep_and_tells_names_and_sizes(root: Root) -> None:
    for name in NAMES:
        root.writer.put(name, name.encode())
    found = {item.name: item.size for item in root.objects.below("")}

    assert found == {name: len(name) for name in NAMES}


def a_listing_below_a_folder_is_no_prefix_of_text(root: Root) -> None:
    for name in ("v1/a/b", "v1/a/bc", "v1/a/b.d/e", "v1/ab/b", "v1/a/c/d/e"):
        root.writer.put(name, b"x")
    objects = root.objects

    assert names(objects, "v1/a") == ["v1/a/b", "v1/a/b.d/e", "v1/a/bc", "v1/a/c/d/e"]
    assert names(objects, "v1/a/c") == ["v1/a/c/d/e"]
    assert names(objects, "v1/a/b.d") == ["v1/a/b.d/e"]


def a_folder_that_is_not_there_lists_nothing(root: Root) -> None:
    assert names(root.objects, "v1/none/r") == []
    assert names(root.objects, "") == []


def a_listing_sees_what_was_written_and_removed(root: Root) -> None:
    objects = root.objects
    seen = [names(objects, "v1")]
    root.writer.put("v1/r/a", b"x")
    seen.append(names(objects, "v1"))
    root.writer.put("v1/r/b", b"x")
    seen.append(names(objects, "v1"))
    root.writer.remove(["v1/r/a"])

    assert [*seen, names(objects, "v1")] == [[], ["v1/r/a"], ["v1/r/a", "v1/r/b"], ["v1/r/b"]]


def what_is_missing_can_be_removed(root: Root) -> None:
    objects = root.objects
    objects.put("v1/a", b"x")
    objects.remove(["v1/none", "v1/a", "v1/also/none"])
    objects.remove(["v1/none"])
    objects.remove([])

    assert names(objects, "") == []


def only_what_is_named_is_removed(root: Root) -> None:
    objects = root.objects
    for name in ("v1/a/b", "v1/a/bc", "v1/c"):
        objects.put(name, b"x")
    objects.remove(["v1/a/b"])

    assert names(objects, "v1") == ["v1/a/bc", "v1/c"]


def uploads_of_all_sizes_are_whole(root: Root) -> None:
    objects = root.objects
    for size in (0, 1, MIB + 1, 8 * MIB, 20 * MIB + 5):
        data = noise(size)
        objects.upload(f"v1/o/{size}", root.file(data))

        assert getattr(root.objects.read(f"v1/o/{size}", size), "data", None) == data


def an_upload_reads_what_is_there(root: Root) -> None:
    with pytest.raises(StoreError):
        root.objects.upload("v1/o/none", root.new())

    assert names(root.objects, "") == []


def a_fresh_object_is_as_old_as_the_clock_says(root: Root) -> None:
    objects = root.objects
    before = objects.now()
    objects.put("v1/a", b"x")
    (found,) = objects.below("v1")

    assert before - 2.0 <= found.modified <= objects.now() + 2.0


def nothing_is_left_unfinished(root: Root) -> None:
    objects = root.objects
    objects.create("v1/a", b"x")
    objects.upload("v1/b", root.file(noise(9 * MIB)))

    assert objects.abort_unfinished(objects.now() + 3600) == 0
    assert names(objects, "") == ["v1/a", "v1/b"]


def it_says_that_it_writes(root: Root) -> None:
    assert root.objects.capabilities.writes


def tag_of(objects: Objects, name: str) -> str:
    """Give the tag of the current version."""
    found = objects.read(name, MIB)
    assert isinstance(found, Content)
    return found.tag


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
WRITING = (
    what_is_created_is_read,
    what_exists_is_not_created,
    an_empty_object_exists,
    what_was_removed_is_created_again,
    a_version_is_replaced_once,
    the_next_version_is_replaced_by_its_own_tag,
    a_version_that_is_gone_is_not_replaced,
    a_tag_changes_with_the_content,
    writing_writes_over,
    a_listing_is_deep_and_tells_names_and_sizes,
    a_listing_below_a_folder_is_no_prefix_of_text,
    a_folder_that_is_not_there_lists_nothing,
    a_listing_sees_what_was_written_and_removed,
    what_is_missing_can_be_removed,
    only_what_is_named_is_removed,
    uploads_of_all_sizes_are_whole,
    an_upload_reads_what_is_there,
    a_fresh_object_is_as_old_as_the_clock_says,
    nothing_is_left_unfinished,
    it_says_that_it_writes,
)
