"""A binary stream in, the digest of what it gives out, whatever way it gives it."""

from __future__ import annotations

import io
import itertools
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectors.whorl_vectors import content
from whorl.digest import Hasher, hash_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 4 << 20  # what is asked for per read
SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]


class Pieces:
    """A stream that gives prepared answers, whatever is asked for."""

    def __init__(self, *answers: object) -> None:
        self.answers = iter(answers)

    def read(self, size: int) -> object:
        """Give the next answer; at the end, none of a byte."""
        return next(self.answers, b"")


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_digests_like_a_file(size: int) -> None:
    """From where it stands to its end."""
    stream = io.BytesIO(b"skipped" + content(size))
    stream.seek(7)

    assert hash_stream(stream).hex() == Hasher(content(size)).hexdigest()


@given(st.lists(st.tuples(st.sampled_from([bytes, bytearray, memoryview]), st.integers(1, 700_000)), max_size=30))
@settings(deadline=None, max_examples=25)
def test_pieces_of_any_size_and_type_are_one_stream(pieces: list[tuple[type, int]]) -> None:
    """Where one read ended and the next began does not count."""
    sizes = [size for _, size in pieces]
    data = content(sum(sizes))
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    answers = [kind(data[start : start + size]) for (kind, size), start in zip(pieces, starts, strict=True)]

    assert hash_stream(Pieces(*answers)).hex() == Hasher(data).hexdigest()


@pytest.mark.parametrize("wrap", [memoryview, lambda buffer: buffer], ids=["view", "bytearray"])
@pytest.mark.parametrize("size", [1000, 300_000, BLOCK])
def test_a_stream_may_use_its_buffer_again(size: int, wrap: Callable[[bytearray], object]) -> None:
    """What is hashed beside the next read is no memory that the next read fills."""
    buffer = bytearray(size)

    class Reusing:
        left = 20

        def read(self, _: int) -> object:
            if not self.left:
                return b""
            buffer[:] = bytes([self.left]) * size
            self.left -= 1
            return wrap(buffer)

    expected = b"".join(bytes([left]) * size for left in range(20, 0, -1))

    assert hash_stream(Reusing()).hex() == Hasher(expected).hexdigest()


def test_a_stream_may_give_more_than_was_asked_for() -> None:
    """In one piece, or in some that are larger than a block."""
    data = content(3 * BLOCK + 5)

    assert hash_stream(Pieces(data)).hex() == Hasher(data).hexdigest()
    assert hash_stream(Pieces(bytearray(data), memoryview(data))).hex() == Hasher(data + data).hexdigest()


def test_a_socket_is_a_stream() -> None:
    """Short reads are no end."""
    left, right = socket.socketpair()
    with left, right, right.makefile("rb", buffering=0) as stream:
        data = content(9_000_000)
        sender = threading.Thread(target=lambda: (left.sendall(data), left.shutdown(socket.SHUT_WR)))
        sender.start()
        found = hash_stream(stream)
        sender.join()

    assert found.hex() == Hasher(data).hexdigest()


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ("text", TypeError, "binary mode"),
        (None, BlockingIOError, "non-blocking"),
        (7, TypeError, "int"),
        (memoryview(bytes(10))[::2], BufferError, "one block"),
    ],
)
def test_what_is_no_bytes_is_refused(before: int, answer: object, error: type[Exception], said: str) -> None:
    """Text depends on an encoding, and None says that there may be more: neither is an end."""
    with pytest.raises(error, match=said):
        hash_stream(Pieces(*[bytes(BLOCK)] * before, answer))  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [0, 1, 10])
def test_an_error_of_a_stream_passes(before: int) -> None:
    """What the caller's object raises is the caller's, as it is, and leaves no thread behind."""
    raised = ConnectionError("theirs")

    class Broken:
        left = before

        def read(self, _: int) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise raised
            return bytes(BLOCK)

    tasks = threads()
    with pytest.raises(ConnectionError) as found:
        hash_stream(Broken())

    assert found.value is raised
    assert threads() <= tasks


def threads() -> int:
    """Count the threads of this process, those that Python does not know included."""
    folder = Path("/proc/self/task")
    return len(os.listdir(folder)) if folder.exists() else 0


@pytest.mark.skipif(not threads(), reason="no /proc to count threads in")
@pytest.mark.parametrize(("blocks", "started"), [(1, 0), (3, 1)])
def test_a_thread_is_started_for_a_long_stream_alone(blocks: int, started: int) -> None:
    """It hashes while the next block is read, and is gone at the end."""
    before = threads()
    seen = []

    class Counting:
        left = blocks

        def read(self, _: int) -> bytes:
            seen.append(threads() - before)
            self.left -= 1
            return bytes(BLOCK - (blocks == 1)) if self.left >= 0 else b""

    hash_stream(Counting())

    assert max(seen) == started
    assert threads() == before


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that send signals")
@pytest.mark.parametrize("path", ["/dev/zero", "python"])
def test_a_signal_ends_a_long_stream(path: str) -> None:
    """Ctrl-C does not wait for an end that may never come."""

    class Interrupted(Exception):  # noqa: N818 - stands for KeyboardInterrupt
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    class Endless:
        def read(self, _: int) -> bytes:
            return block

    block = bytes(BLOCK)
    former = signal.signal(signal.SIGALRM, interrupt)
    stream = Endless() if path == "python" else open(path, "rb", buffering=0)  # noqa: SIM115 - closed below
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    started = time.monotonic()
    try:
        with pytest.raises(Interrupted):
            hash_stream(stream)
        took = time.monotonic() - started
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
        getattr(stream, "close", lambda: None)()

    assert took < 2.0  # 0.1 s to the signal; the rest is for machines with much else to do


def test_progress_is_told_now_and_then() -> None:
    """Growing numbers of bytes, at most every 50 ms, from the calling thread; the last one is all of them."""
    told: list[tuple[float, int, int | None, int]] = []

    def progress(done: int, total: int | None) -> None:
        told.append((time.monotonic(), done, total, threading.get_ident()))

    def slow() -> Iterator[bytes]:
        for _ in range(12):
            time.sleep(0.02)
            yield bytes(BLOCK)

    answers = slow()
    stream = Pieces()
    stream.answers = answers
    hash_stream(stream, progress=progress)
    done = [entry[1] for entry in told]
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(told[:-1])]

    assert len(told) > 2
    assert done == sorted(done)
    assert done[-1] == 12 * BLOCK
    assert {entry[2:] for entry in told} == {(None, threading.get_ident())}
    assert min(gaps) > 0.045


def test_progress_may_end_it() -> None:
    """What the callback raises passes."""

    def progress(done: int, total: int | None) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        hash_stream(io.BytesIO(b"x"), progress=progress)
