"""What every kind of object store that can be written promises to one writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contracts.objects import MIB, NAMES, names, noise, tag_of
from whorl.errors import StoreError

if TYPE_CHECKING:
    from contracts.objects import Root


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

    assert [objects.create("v1/a", data) for data in (b"", b"", b"x")] == [True, False, False]
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
