"""Arrays and groups of zarr as values: handles, of which counts what lies behind them now."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from zarr.storage import MemoryStore

from whorl.errors import UndigestableError, WhorlWarning
from whorl.fingerprint.code import fingerprint
from whorl.fingerprint.values import hash_value

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = np.arange(24, dtype="i4").reshape(6, 4)


def array_of(values: Any = WHOLE, **settings: Any) -> Any:
    """Make an array in a place of its own."""
    return zarr.create_array(MemoryStore(), data=np.asarray(values), **settings)


ALIKE: dict[str, Any] = {
    "place": lambda folder: zarr.create_array(str(folder / "a.zarr"), data=WHOLE),
    "chunks": lambda _: array_of(chunks=(2, 3)),
    "shards": lambda _: array_of(chunks=(2, 2), shards=(6, 4)),
    "codecs": lambda _: array_of(compressors=None),
    "older format": lambda _: array_of(zarr_format=2, fill_value=0),
    "part of a group": lambda _: zarr.group(MemoryStore()).create_array("a", data=WHOLE),
}
OTHERS: dict[str, Any] = {
    "an element": lambda: array_of(np.where(WHOLE == 23, 0, WHOLE)),
    "dtype": lambda: array_of(WHOLE.astype("i8")),
    "shape": lambda: array_of(WHOLE.reshape(4, 6)),
    "attributes": lambda: array_of(attributes={"units": "K"}),
    "other attributes": lambda: array_of(attributes={"units": "C"}),
    "fill value": lambda: array_of(fill_value=7),
    "names of dimensions": lambda: array_of(dimension_names=("y", "x")),
    "a number": lambda: array_of(3),
    "another number": lambda: array_of(4),
    "nothing": lambda: array_of(np.empty((0, 4), "i4")),
    "nothing of another width": lambda: array_of(np.empty((0, 3), "i4")),
    "text": lambda: array_of(np.array(["a", "b"], dtype=np.dtypes.StringDType())),
    "other text": lambda: array_of(np.array(["a", "c"], dtype=np.dtypes.StringDType())),
    "numpy's": lambda: WHOLE,
}


@pytest.mark.parametrize("name", ALIKE)
def test_how_and_where_an_array_is_kept_does_not_count(name: str, tmp_path: Path) -> None:
    """Chunks, shards, codecs and the place are no part of what code finds in it."""
    assert hash_value(ALIKE[name](tmp_path)) == hash_value(array_of())


def test_what_lies_in_an_array_counts() -> None:
    """Everything that code can ask it for."""
    digests = {hash_value(make()) for make in (array_of, *OTHERS.values())}

    assert len(digests) == 1 + len(OTHERS)


def test_an_open_handle_counts_by_what_lies_there_now(tmp_path: Path) -> None:
    """Somebody writes while it is open: the same handle is another value."""
    array = zarr.create_array(str(tmp_path / "a.zarr"), data=WHOLE)
    before = hash_value(array)
    zarr.open_array(str(tmp_path / "a.zarr"))[5, 3] = 0

    assert hash_value(array) != before


def test_a_group_counts_by_all_its_members(tmp_path: Path) -> None:
    """At any depth; in whatever order they were made."""

    def group_of(place: Any, *, deep: int = 1, names: tuple[str, ...] = ("a", "b"), **attributes: Any) -> Any:
        group = zarr.create_group(place, attributes=attributes)
        for name in names:
            group.create_group(name).create_array("x", data=np.array([deep]))
        return group

    first = hash_value(group_of(MemoryStore()))

    assert hash_value(group_of(str(tmp_path / "g.zarr"), names=("b", "a"))) == first
    others = [
        group_of(MemoryStore(), deep=2),
        group_of(MemoryStore(), names=("a",)),
        group_of(MemoryStore(), units="K"),
    ]
    assert len({first, *map(hash_value, others)}) == 1 + len(others)


class OwnArray(zarr.Array):  # type: ignore[misc]
    """An array of an own class."""


class OwnGroup(zarr.Group):  # type: ignore[misc]
    """A group of an own class."""


def test_own_classes_count_with_what_they_hold() -> None:
    """Their name, and what was given to them besides."""
    array, group = array_of(), zarr.group(MemoryStore())
    own: list[Any] = [OwnArray(array._async_array) for _ in range(3)]
    groups: list[Any] = [OwnGroup(group._async_group) for _ in range(2)]
    for each, note in ((own[1], "a"), (own[2], "b"), (groups[1], "a")):
        object.__setattr__(each, "note", note)
    values = [array, *own, group, *groups]

    assert len(set(map(hash_value, values))) == len(values)


def test_a_large_group_in_a_global_is_warned_of() -> None:
    """It is read whole at each call."""
    group = zarr.group(MemoryStore())
    group.create_group("a").create_array("b", shape=(65, 1024, 1024), dtype="i1", chunks=(65, 1024, 1024))
    namespace: dict[str, Any] = {"__name__": "given", "V": group}
    exec("def stage(): return V", namespace)

    with pytest.warns(WhorlWarning, match="large"):
        fingerprint(namespace["stage"])


def test_what_can_only_be_awaited_is_refused() -> None:
    """The error says what to give instead."""
    with pytest.raises(UndigestableError) as raised:
        hash_value(zarr.AsyncArray(array_of().metadata, array_of().store_path))

    assert "zarr.Array" in raised.value.tip


LIMITED = """
import resource, sys, numpy as np, zarr
from whorl import hash_value
array = zarr.create_array(sys.argv[1], shape=(4096, 65536), chunks=(256, 4096), dtype="f4")
array[-1] = np.arange(65536)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 700_000_000,) * 2)
print(hash_value(array))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited on Linux alone")
def test_an_array_is_never_whole_in_memory(tmp_path: Path) -> None:
    """A gibibyte is digested where there is room for some hundred megabytes of it."""
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "large.zarr")]

    assert len(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()) == 64
