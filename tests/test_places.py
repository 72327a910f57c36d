"""Places to compute in: never waited for by those that one waits for, and given back once."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from lazy_values import lazy_dataset
from whorl import cache, config, stage
from whorl.executors.threads import Slots, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import xarray as xr

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def _store(tmp_path: Path) -> Iterator[None]:
    with config.options(filesystem=str(tmp_path / "store")):
        yield


@cache
async def leaf(number: int) -> int:
    """Be called by others."""
    return number


def test_calls_that_a_body_gathers_give_back_one_place() -> None:
    """They carry its context, and the place in it."""

    @cache
    async def top(number: int) -> int:
        return sum(await asyncio.gather(*(leaf(100 * number + place) for place in range(8))))

    found = [asyncio.run(top(number)) for number in range(5)]

    assert found == [800 * number + 28 for number in range(5)]


def test_threads_of_a_body_give_back_one_place() -> None:
    """The first gives it, the last takes one again, and the body's end gives it for good."""
    slots = Slots(1)

    def wait() -> None:
        with waiting():
            time.sleep(0.05)

    def body() -> None:
        threads = [threading.Thread(target=contextvars.copy_context().run, args=(wait,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads[1:]:
            thread.join()
        late.append(threads[0])

    late: list[threading.Thread] = []
    for _ in range(3):
        with slots.hold():
            body()
    for thread in late:
        thread.join()

    assert slots.made().acquire(timeout=1)
    assert not slots.made().acquire(blocking=False)


def test_a_body_two_levels_up_gives_its_place_back() -> None:
    """Whom the innermost waits for may need any of them."""
    outer, inner = Slots(1), Slots(1)
    taken = threading.Event()

    def other() -> None:
        with outer.hold():
            taken.set()

    with outer.hold(), inner.hold():
        thread = threading.Thread(target=contextvars.Context().run, args=(other,))
        thread.start()
        was_taken = taken.wait(0.1)
        with waiting():
            assert taken.wait(10)
    thread.join()

    assert not was_taken


def test_a_free_lease_costs_no_place() -> None:
    """Others would have it at once, and a quick body would wait for slow ones."""
    slots = Slots(1)
    seen: list[bool] = []

    @cache
    def quick(number: int) -> int:
        return number

    with slots.hold():
        thread = threading.Thread(
            target=contextvars.Context().run, args=(lambda: seen.append(slots.made().acquire(timeout=0.5)),)
        )
        thread.start()
        found = [quick(number) for number in range(4)]
        thread.join()

    assert found == [0, 1, 2, 3]
    assert seen == [False]


@pytest.mark.parametrize(("first", "later"), [(0.3, 0.05), (0.0, 0.3)], ids=["the body", "its plan"])
def test_who_is_waited_for_gets_on_without_a_place(first: float, later: float) -> None:
    """Those who wait for a lease give theirs back, and to store a plan takes none: others may hold them all."""

    def block(values: Any) -> Any:
        time.sleep(later)
        return values + 1

    @stage(cache=True)
    def lazy() -> xr.Dataset:
        time.sleep(first)
        return lazy_dataset(block)

    @stage(cache=True)
    def second() -> float:
        time.sleep(0.1)
        return float(lazy()["v"].sum()) + 2

    @stage(cache=True)
    def third() -> float:
        time.sleep(0.1)
        return float(lazy()["v"].sum()) + 3

    @stage(a=lazy, b=second, c=third, cache=True, jobs=2)
    def top(a: xr.Dataset, b: float, c: float) -> float:
        return float(a["v"].sum()) + b + c

    assert top() == 2 + 4 + 5
