"""Values that a processor does not take: what is asked for is computed anew, or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from whorl import InvalidValueError, Processor, stage

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.mark.timeout(30)
@pytest.mark.usefixtures("whorl_store")
def test_a_value_in_memory_that_is_not_valid_is_computed_anew_for_a_consumer() -> None:
    """Once; one that is not valid then either cannot be helped."""
    valid, made = [True], []

    class Fickle(Processor):
        validate_data = True

        def validate(self, value: Any, arguments: Mapping[str, object]) -> bool:
            return valid[0]

    @Fickle()
    @stage(memoize=True, name="remembered", ignore=[made])
    def remembered() -> list[int]:
        made.append(1)
        return [1]

    @stage(numbers=remembered, cache=True, name="summed")
    def summed(numbers: list[int], more: int = 0) -> int:
        return sum(numbers) + more

    assert summed() == 1
    valid[0] = False
    with pytest.raises(InvalidValueError):
        summed(more=1)
    assert len(made) == 2
