"""
A coroutine in, its result out, within a time: how the kinds whose libraries are asynchronous ask their servers.

The loop is fsspec's, one thread for all; what is slow on this machine's side (its disks) happens in the caller's.  On
the arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from whorl.store.objects.forked import PerProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Generator

T = TypeVar("T")

# A body may take longer than the time for an answer: as long as it needs at 2 Mbit/s.
SLOWEST = 256 * 1024
# After the loop gave up on a coroutine, it has this long to end it.
_GRACE = 2.0
# Between attempts of what may be tried again.
_PAUSES = (0.1, 0.4)
# What aiohttp, aiobotocore and Azure's client raise then.
_BROKEN_OFF = frozenset({"ClientPayloadError", "ResponseStreamingError", "IncompleteReadError"})


class Client:
    """An asynchronous file system of fsspec: this process's own."""

    def __init__(self, make: Callable[[], Any], timeout: float) -> None:
        self._timeout = timeout
        self._each = PerProcess(make)

    @property
    def system(self) -> Any:
        """The file system."""
        return self._each.get()

    def run(self, work: Callable[[Any], Coroutine[Any, Any, T]], size: int = 0) -> T:
        """Run a coroutine of the client, for the store's time at most and what ``size`` bytes take besides."""
        import asyncio

        allowed = self._timeout + size / SLOWEST
        system = self.system

        async def bounded() -> T:
            return await asyncio.wait_for(work(system), allowed)

        future = asyncio.run_coroutine_threadsafe(bounded(), system.loop)
        try:
            return future.result(allowed + _GRACE)
        except BaseException:
            future.cancel()
            raise

    def chunks(self, body: AsyncIterator[bytes], close: Callable[[], object]) -> Generator[bytes, None, None]:
        """Yield what an answer brings, each piece within the time."""

        async def following(_: object) -> bytes | None:
            async for chunk in body:
                return chunk
            return None

        async def ending(_: object) -> None:
            close()

        try:
            while (chunk := self.run(following)) is not None:
                yield chunk
        finally:
            self.run(ending)


def unbroken(read: Callable[[], T]) -> T:
    """Read something; again where an answer broke off in the middle, which libraries do not look after."""
    for _ in _PAUSES:
        try:
            return read()
        except Exception as error:
            if type(error).__name__ not in _BROKEN_OFF:
                raise
    return read()


async def persistently(work: Callable[[], Coroutine[Any, Any, T]], passing: Callable[[Exception], bool]) -> T:
    """Do something that may be done twice; again where the trouble may pass."""
    import asyncio

    for pause in _PAUSES:
        try:
            return await work()
        except Exception as error:
            if not passing(error):
                raise
        await asyncio.sleep(pause)
    return await work()
