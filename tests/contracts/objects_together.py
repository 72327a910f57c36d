"""What every kind of object store promises to several writers, threads and processes, and about many objects."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from contracts.objects import MIB, names, noise, tag_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.objects import Root

MANY = 1_100


def at_once(count: int, do: Callable[[int], bool]) -> list[bool]:
    """Do something in several threads that begin together."""
    barrier = threading.Barrier(count)

    def one(index: int) -> bool:
        barrier.wait(60)
        return do(index)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def of_several_creators_at_most_one_wins(root: Root) -> None:
    if not root.objects.capabilities.creates_once:
        pytest.skip("this kind does not promise it")
    objects = root.objects
    for count, rounds in ((8, 3), (32, 1)):
        for turn in range(rounds):
            name = f"v1/race/{count}-{turn}"
            won = at_once(count, lambda index, name=name: objects.create(name, str(index).encode()))  # type: ignore[misc]
            found = objects.read(name, 100)

            assert won.count(True) == 1
            assert found is not None
            assert found.data == str(won.index(True)).encode()


def of_several_clients_at_most_one_creates(root: Root) -> None:
    if not root.objects.capabilities.creates_once:
        pytest.skip("this kind does not promise it")
    clients = [root.open() for _ in range(4)]
    won = at_once(4, lambda index: clients[index].create("v1/race", str(index).encode()))

    assert won.count(True) == 1
    assert getattr(root.objects.read("v1/race", 100), "data", None) == str(won.index(True)).encode()


def creating_what_others_remove_is_no_failure(root: Root) -> None:
    """As leases are taken and given back: it is there or not, whatever happens between two requests."""
    objects, left = root.objects, "v1/l/taken"

    def take_and_give_back(_: int) -> bool:
        for _turn in range(20):
            if objects.create(left, b"mine"):
                objects.remove([left])
        return True

    at_once(8, take_and_give_back)

    assert objects.read(left, 10) is None


def of_several_replacements_at_most_one_wins(root: Root) -> None:
    if not root.objects.capabilities.replaces_once:
        pytest.skip("this kind does not promise it")
    objects = root.objects
    objects.put("v1/race", b"first")
    tag = tag_of(objects, "v1/race")
    won = at_once(8, lambda index: objects.replace("v1/race", str(index).encode(), tag))

    assert won.count(True) == 1
    assert getattr(objects.read("v1/race", 100), "data", None) == str(won.index(True)).encode()


def readers_see_whole_objects_while_they_are_written(root: Root) -> None:
    objects, size, done = root.objects, 200_000, threading.Event()
    objects.put("v1/a", b"0" * size)
    seen: set[bytes] = set()

    def write() -> None:
        try:
            for turn in range(10):
                root.writer.put("v1/a", str(turn % 10).encode() * size)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        found = objects.read("v1/a", size)
        seen.add(b"" if found is None else found.data)
    writer.join(60)

    assert all(data == data[:1] * size and data for data in seen)


def threads_share_a_client(root: Root) -> None:
    objects = root.objects

    def one(index: int) -> bool:
        data = noise(10_000 + index)
        objects.put(f"v1/threads/{index}", data)
        found = objects.read(f"v1/threads/{index}", MIB)
        return found is not None and found.data == data

    assert all(at_once(12, one))
    assert len(names(objects, "v1/threads")) == 12


def a_forked_child_uses_a_client_of_its_own(root: Root) -> None:
    if root.objects.url.startswith("memory:"):
        pytest.skip("it lives in one process")
    objects = root.objects
    objects.put("v1/parent", b"parent")
    import warnings

    with warnings.catch_warnings():  # Python 3.12 warns of forks where there are threads
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            found = objects.read("v1/parent", 100)
            is_new = objects.create("v1/child", b"child")
            code = 0 if is_new and found is not None and found.data == b"parent" else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert getattr(objects.read("v1/child", 100), "data", None) == b"child"
    assert getattr(objects.read("v1/parent", 100), "data", None) == b"parent"


def more_objects_than_fit_a_page_are_listed_and_removed(root: Root) -> None:
    objects = root.objects
    wanted = [f"v1/many/{index % 7}/{index:05}" for index in range(MANY)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: root.writer.put(name, b"x"), wanted))
    root.writer.put("v1/stays", b"x")
    found = names(objects, "v1/many")
    objects.remove(wanted)

    assert found == sorted(wanted)
    assert names(objects, "v1") == ["v1/stays"]


TOGETHER = (
    of_several_creators_at_most_one_wins,
    of_several_clients_at_most_one_creates,
    creating_what_others_remove_is_no_failure,
    of_several_replacements_at_most_one_wins,
    readers_see_whole_objects_while_they_are_written,
    threads_share_a_client,
    a_forked_child_uses_a_client_of_its_own,
    more_objects_than_fit_a_page_are_listed_and_removed,
)
