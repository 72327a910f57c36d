"""The seconds in functions of stages are told from those of whorl, whatever calls what and in how many threads."""

from __future__ import annotations

import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from whorl.stopwatch import function_runs, function_waits, seconds_in_functions

if TYPE_CHECKING:
    from collections.abc import Callable

NAP = 0.1


def measured(work: Callable[[], object]) -> float:
    """Give the seconds that count as a function's while something is done."""
    before = seconds_in_functions()
    work()
    return seconds_in_functions() - before


def test_nothing_counts_while_no_function_runs() -> None:
    """Looking up and digesting are whorl's own, also where a wait is not part of any function."""

    def work() -> None:
        with function_waits():
            time.sleep(NAP)

    assert measured(work) == 0


def test_a_function_counts_while_it_runs() -> None:
    """Also one that raises."""

    def work() -> None:
        with function_runs():
            time.sleep(NAP)
            raise KeyError

    def forgiving() -> None:
        with pytest.raises(KeyError):
            work()

    assert measured(forgiving) == pytest.approx(NAP, abs=NAP / 2)
    assert measured(lambda: time.sleep(NAP)) == 0


def test_a_call_inside_a_function_counts_as_whorls() -> None:
    """The caller's clock stands still, that of the function computed for it goes on."""

    def work() -> None:
        with function_runs(), function_waits():
            time.sleep(NAP)
            with function_runs():
                time.sleep(NAP)

    assert measured(work) == pytest.approx(NAP, abs=NAP / 2)


def test_functions_side_by_side_count_once() -> None:
    """It is the time during which any of them ran."""

    def work() -> None:
        def one() -> None:
            with function_runs():
                meeting.wait()
                time.sleep(NAP)

        meeting = threading.Barrier(3)
        with ThreadPoolExecutor(3) as pool:
            for _ in range(3):
                pool.submit(one)

    assert NAP <= measured(work) < 2 * NAP


def test_a_function_that_waits_in_several_threads_waits_once() -> None:
    """However many calls it waits for, it goes on when the last of them has ended."""

    def call() -> None:
        with function_waits():
            meeting.wait()
            time.sleep(NAP)

    def work() -> None:
        with function_runs(), ThreadPoolExecutor(3) as pool:
            for _ in range(3):
                pool.submit(contextvars.copy_context().run, call)

    meeting = threading.Barrier(3)

    assert measured(work) < NAP
    assert measured(lambda: time.sleep(NAP)) == 0
