"""What is carried into threads and pools goes by methods of the standard library that others may change as well."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import wraps
from typing import TYPE_CHECKING, Any

import pytest

import whorl
from whorl import config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLACES: list[tuple[type, str]] = [
    (threading.Thread, "start"),
    (ThreadPoolExecutor, "submit"),
    (ProcessPoolExecutor, "submit"),
]
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


class Library:
    """Counts calls of a method of the standard library, as tools that trace threads do."""

    def __init__(self, kind: type, name: str) -> None:
        self.kind, self.name, self.calls = kind, name, 0
        self.before: Callable[..., Any] = lambda: None

    def patch(self) -> None:
        """Put a function in place of the method, that looks like it."""
        self.before = before = getattr(self.kind, self.name)

        @wraps(before)
        def counting(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return before(*args, **kwargs)

        setattr(self.kind, self.name, counting)

    def unpatch(self) -> None:
        """Put back what was there, whatever is there now."""
        setattr(self.kind, self.name, self.before)


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    methods = [getattr(kind, name) for kind, name in PLACES]
    yield
    for (kind, name), method in zip(PLACES, methods, strict=True):
        setattr(kind, name, method)


@pytest.fixture(params=PLACES[:2], ids=lambda place: place[1])
def library(request: pytest.FixtureRequest) -> Library:
    """Give a library for each method that threads go by."""
    return Library(*request.param)


def namespace() -> str:
    """Tell what holds where it is called."""
    return config.settings().namespace


def below(library: Library) -> str:
    """Ask in a thread, or in that of a pool."""
    found: list[str] = []
    if library.kind is threading.Thread:
        thread = threading.Thread(target=lambda: found.append(namespace()))
        thread.start()
        thread.join()
        return found[0]
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(namespace).result()


def methods() -> list[object]:
    """Give the methods as they are now."""
    return [getattr(kind, name) for kind, name in PLACES]


def test_a_library_that_patches_inside_of_a_block_stays_patched(library: Library) -> None:
    """It goes on counting, and nothing is carried where nobody asks."""
    with whorl.options(namespace="other"):
        library.patch()
        inside = below(library)
    calls = library.calls
    outside = below(library)
    with whorl.options(namespace="third"):
        again = below(library)

    assert (inside, outside, again) == ("other", "default", "third")
    assert calls >= 1
    assert library.calls >= calls + 2


def test_a_library_that_takes_itself_back_later_leaves_nothing_of_ours(library: Library) -> None:
    """What it puts back was ours: it asks nothing of anybody, and goes with the next block."""
    before = methods()
    with whorl.options(namespace="other"):
        library.patch()
    library.unpatch()
    outside = below(library)
    with whorl.options(namespace="third"):
        again = below(library)

    assert (outside, again) == ("default", "third")
    assert methods() == before


def test_a_library_that_takes_itself_back_inside_of_a_block_stays_away(library: Library) -> None:
    """What it put back is not undone; a block that begins afterwards is heard in threads again."""
    before = methods()
    library.patch()
    with whorl.options(namespace="other"):
        library.unpatch()
        with whorl.options(namespace="inner"):
            inside = below(library)
    outside = below(library)

    assert (inside, outside) == ("inner", "default")
    assert methods() == before
    assert library.calls == 0


def test_patches_upon_patches_are_carried_through(library: Library) -> None:
    """In whatever order blocks and libraries come and go."""
    other = Library(library.kind, library.name)
    library.patch()
    with whorl.options(namespace="one"):
        other.patch()
        with whorl.options(namespace="two"):
            two = below(library)
        one = below(library)
        other.unpatch()
        still = below(library)
    none = below(library)
    library.unpatch()

    assert (two, one, still, none) == ("two", "one", "one", "default")
    assert library.calls >= 4
    assert other.calls >= 2


def test_a_thread_that_outlives_its_block_carries_on() -> None:
    """What it starts later has its options too, and nothing stays behind when it ends."""
    before = methods()
    go, found = threading.Event(), []

    def work() -> None:
        go.wait()
        with ThreadPoolExecutor(1) as pool:
            found.append(pool.submit(namespace).result())

    thread = threading.Thread(target=work)
    with whorl.options(namespace="other"):
        thread.start()
    go.set()
    thread.join()

    assert found == ["other"]
    assert methods() == before


def test_a_daemon_has_nothing_of_the_block_that_it_is_started_in() -> None:
    """A library may have started it, for whoever comes later: the loop of an event, the workers of a pool."""
    found: list[str] = []
    with whorl.options(namespace="other"):
        for daemon in (False, True):
            thread = threading.Thread(target=lambda: found.append(namespace()), daemon=daemon)
            thread.start()
            thread.join()

    assert found == ["other", "default"]


@FORKS
def test_a_worker_that_was_forked_inside_of_a_block_is_nobodys() -> None:
    """Work that is given to it later has what holds then, and its standard library is as it was."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        with whorl.options(namespace="other"):
            inside = pool.submit(namespace).result()
        outside = pool.submit(namespace).result()
        named = pool.submit(_modules).result()

    assert (inside, outside) == ("other", "default")
    assert "whorl.carrying" not in named


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_a_pool_that_was_first_used_inside_of_a_block_is_nobodys(kind: type[Executor]) -> None:
    """Of threads and of processes."""
    with kind() as pool:
        with whorl.options(namespace="other"):
            inside = pool.submit(namespace).result()
        outside = pool.submit(namespace).result()
        with whorl.options(namespace="third"):
            later = list(pool.map(_of_number, range(2)))

    assert (inside, outside, later) == ("other", "default", ["third", "third"])


@FORKS
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_has_the_blocks_of_its_thread_and_no_others() -> None:
    """It leaves them as its parent does; those of threads that it does not have are over."""
    inside, leave = threading.Event(), threading.Event()

    def elsewhere() -> None:
        with whorl.options(namespace="elsewhere"):
            inside.set()
            leave.wait()

    before = methods()
    thread = threading.Thread(target=elsewhere)
    thread.start()
    inside.wait()
    status = _forked(before)
    with whorl.options(namespace="other"):
        nested = _forked(before)
    leave.set()
    thread.join()

    assert status == ("default", "as it was")
    assert nested == ("other", "changed")
    assert methods() == before


def _forked(before: list[object]) -> tuple[str, str]:
    """Tell what holds in a thread of a forked child, and how its methods are."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            state = "as it was" if methods() == before else "changed"
            text = f"{below(Library(threading.Thread, 'start'))},{state}"
        except BaseException as error:  # noqa: BLE001 - a child must not go on with the parent's tests
            text = f"{error!r},"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        namespace, _, state = lines.read().partition(",")
    os.waitpid(child, 0)
    return namespace, state


def _of_number(_number: int) -> str:
    return namespace()


def _modules() -> set[str]:
    """Tell where the code of the methods comes from."""
    return {sys.modules[kind.__module__].__name__ for kind, _ in PLACES} | {
        str(getattr(kind, name).__globals__["__name__"]) for kind, name in PLACES
    }
