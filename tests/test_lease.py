"""Leases: one holder among threads and processes, freed when it dies, waited for no longer than was said."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from store_examples import child_environment, slot
from whorl.errors import LeaseTimeoutError
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.faults

HOLD = """
import sys, time
from pathlib import Path
from store_examples import slot
from whorl.store.local import LocalStore
with LocalStore(Path(sys.argv[1])).lease(slot()):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store", wait_timeout=20)


def _holder(store: LocalStore) -> subprocess.Popen[str]:
    """Start a process that holds the lease."""
    command = [sys.executable, "-c", HOLD, str(store.root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=child_environment())
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def _locks(store: LocalStore) -> list[str]:
    return sorted(path.name for path in (store.root / "v1/default/l").iterdir())


def _can_be_had(store: LocalStore, timeout: float = 0) -> bool:
    try:
        with store.lease(slot(), timeout=timeout):
            return True
    except LeaseTimeoutError:
        return False


def test_one_thread_holds_a_lease_at_a_time(store: LocalStore) -> None:
    """Eight threads, each in turn, also through several objects of one store."""
    inside, most = [], []

    def work() -> None:
        for _ in range(20):
            with LocalStore(store.root, wait_timeout=20).lease(slot()):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(most) == 160
    assert max(most) == 1


def test_leases_of_different_keys_do_not_wait_for_each_other(store: LocalStore) -> None:
    """Neither do those of one key in two stores."""
    other = LocalStore(store.root.parent / "other", wait_timeout=0)

    with store.lease(slot("one")), store.lease(slot("two"), timeout=0), other.lease(slot("one")):
        assert len(_locks(store)) == 2


def test_lock_files_do_not_pile_up(store: LocalStore) -> None:
    """The holder removes its file when it lets go."""
    for number in range(50):
        with store.lease(slot(str(number))):
            pass

    assert _locks(store) == []


def test_a_lease_is_given_back_when_the_body_raises(store: LocalStore) -> None:
    """A stage that fails does not block its key."""
    with pytest.raises(ZeroDivisionError), store.lease(slot()):
        _ = 1 / 0

    assert _can_be_had(store)


def test_a_lease_may_end_in_another_thread(store: LocalStore) -> None:
    """An event loop enters it in a worker thread and leaves it in another."""
    lease = store.lease(slot())
    for step in (lease.__enter__, lambda: lease.__exit__(None, None, None)):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()

    assert _can_be_had(store)


def test_waiting_ends_and_names_the_holder(store: LocalStore) -> None:
    """Host, process and age, so that someone can look what it does."""
    process = _holder(store)
    started = time.monotonic()
    try:
        with pytest.raises(LeaseTimeoutError) as caught, store.lease(slot(), timeout=0.3):
            pass
    finally:
        _end(process)

    assert 0.3 <= time.monotonic() - started < 5
    assert "pipeline.clean" in caught.value.message
    assert f"process {process.pid} on " in caught.value.cause
    assert caught.value.cause.endswith(" s")
    assert "wait_timeout" in caught.value.tip


def test_waiting_for_a_thread_ends_as_well(store: LocalStore) -> None:
    """The holder is this very process then."""
    waiting = store.lease(slot(), timeout=0.1)
    with store.lease(slot()), pytest.raises(LeaseTimeoutError, match=r"waited 0\.1 s") as caught:
        waiting.__enter__()

    assert f"process {os.getpid()} " in caught.value.cause


def test_a_killed_holder_frees_its_lease(store: LocalStore) -> None:
    """The kernel does, at once; no clock is involved."""
    process = _holder(store)
    held = not _can_be_had(store)
    _end(process)

    assert held
    assert _can_be_had(store, timeout=5)
    assert _locks(store) == []


def test_a_file_left_by_a_killed_holder_is_used_and_removed(store: LocalStore) -> None:
    """It means nothing by itself."""
    _end(_holder(store))
    before = _locks(store)

    assert len(before) == 1
    assert _can_be_had(store)
    assert _locks(store) == []


def test_ctrl_c_ends_waiting_at_once(store: LocalStore) -> None:
    """And whoever was waited for is not disturbed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
    process = _holder(store)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt), store.lease(slot(), timeout=30):
            pass
        waited = time.monotonic() - started
        still_held = not _can_be_had(store)
    finally:
        _end(process)

    assert waited < 5
    assert still_held
    assert _can_be_had(store, timeout=5)


def _fork(body: Callable[[], None]) -> int:
    """Run something in a forked child and return its process id."""
    child = os.fork()
    if child == 0:
        try:
            body()
        finally:
            os._exit(0)
    return child


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
# Python 3.12 and later warn when a process with threads forks; that is what is tried here.
may_fork = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@forks
@may_fork
def test_a_forked_child_does_not_keep_a_lease(store: LocalStore) -> None:
    """A worker that outlives the holder's lease, as a pool's do, blocks nobody."""
    with store.lease(slot()):
        child = _fork(lambda: time.sleep(60))
    try:
        assert _can_be_had(store)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@forks
@may_fork
def test_a_forked_child_that_leaves_the_block_frees_nothing(store: LocalStore) -> None:
    """The lease stays the parent's; the child may ask for it like anyone else."""
    answers = multiprocessing.get_context("fork").SimpleQueue()

    def leave() -> None:
        lease.__exit__(None, None, None)
        answers.put(_can_be_had(store))

    lease = store.lease(slot())
    lease.__enter__()
    child = _fork(leave)
    os.waitpid(child, 0)
    in_child = answers.get()
    others = _in_another_process(store)
    lease.__exit__(None, None, None)

    assert in_child is False
    assert others is False
    assert _in_another_process(store) is True


def _in_another_process(store: LocalStore) -> bool:
    """Say whether another process could have the lease now."""
    program = HOLD.replace(".lease(slot())", ".lease(slot(), timeout=0)").replace("time.sleep(60)", "")
    command = [sys.executable, "-c", program, str(store.root)]
    return subprocess.run(command, capture_output=True, env=child_environment(), check=False).returncode == 0


@forks
@may_fork
def test_a_fork_while_other_threads_wait_is_harmless(store: LocalStore) -> None:
    """The child begins with no locks of its own, whatever the parent's threads were doing."""
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            _can_be_had(store, timeout=0.05)

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        children = [_fork(lambda: _can_be_had(store, timeout=0.05) and None) for _ in range(20)]
        ended = [os.waitpid(child, 0)[1] for child in children]
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert ended == [0] * 20
    assert _can_be_had(store)


TAKE_TURNS = """
import os, sys, time
from pathlib import Path
from store_examples import slot
from whorl.store.local import LocalStore
root, log = Path(sys.argv[1]), sys.argv[2]
def note(line):
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line)
    os.close(descriptor)
sys.stdin.read(1)
for _ in range(3):
    with LocalStore(root, wait_timeout=60).lease(slot()):
        note(b"in\\n")
        time.sleep(0.001)
        note(b"out\\n")
"""


def test_sixteen_processes_take_turns(store: LocalStore, tmp_path: Path) -> None:
    """At most one is inside at any time, and all get their turn."""
    log = tmp_path / "log"
    command = [sys.executable, "-c", TAKE_TURNS, str(store.root), str(log)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, env=child_environment()) for _ in range(16)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.close()
    for process in processes:
        process.wait()

    assert [process.returncode for process in processes] == [0] * 16
    assert log.read_bytes() == b"in\nout\n" * 48
    assert _locks(store) == []
