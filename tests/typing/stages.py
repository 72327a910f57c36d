"""What a type checker must see; checked by `make lint`, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from whorl import Stage, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


@stage
def bare(x: int, *, y: str = "") -> list[str]:
    return [y] * x


@stage(cache=True, format="json", ttl="1h")
def with_options(x: int) -> str:
    return str(x)


@stage(numbers="raw/numbers.txt", cache=True)
def with_inputs(numbers: str) -> int:
    return len(numbers)


@stage(cache=True)
async def asynchronous(x: int) -> bytes:
    return bytes(x)


assert_type(bare(1, y="a"), list[str])
assert_type(with_options(2), str)
assert_type(with_inputs(), int)
assert_type(with_inputs(numbers="other.txt"), int)
awaited: Callable[[int], Coroutine[Any, Any, bytes]] = asynchronous
assert_type(bare.options(namespace="x")(1), list[str])
assert_type(bare.load(1), list[str])
assert_type(bare.status(1), str)

one: Stage[[int], str] = with_options
bare("1")  # type: ignore[arg-type]
bare()  # type: ignore[call-arg]
with_options(x=1, z=2)  # type: ignore[call-arg]


class Model:
    factor: int = 1

    @stage(cache=True)
    def scaled(self, x: int) -> list[int]:
        return [self.factor * x]

    @stage
    def bare(self, *, y: str = "") -> str:
        return y

    @staticmethod
    @stage(cache=True)
    def plain(x: int) -> bytes:
        return bytes(x)


assert_type(Model().scaled(1), list[int])
assert_type(Model().scaled.options(memoize=True)(1), list[int])
assert_type(Model().scaled.load(x=1), list[int])
assert_type(Model().scaled.options(memoize=True).status(1), str)
assert_type(Model.scaled(Model(), 1), list[int])
assert_type(Model().bare(y="a"), str)
assert_type(Model.plain(1), bytes)
bound: Stage[[int], list[int]] = Model().scaled
Model().scaled("1")  # type: ignore[arg-type]
Model().scaled()  # type: ignore[call-arg]
Model().scaled.load("1")  # type: ignore[arg-type]
