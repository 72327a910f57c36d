"""Law 16: a value changed by its caller has another digest than the stored one it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

PIPE = """
    import numpy
    import pandas
    import whorl
    import xarray
    from whorl import stage

    @stage(cache=True, format="pickle")
    def dataset():
        return xarray.Dataset({"v": ("x", numpy.arange(4.0))}, coords={"x": [1, 2, 3, 4]}, attrs={"unit": "m"})

    @stage(cache=True, format="pickle")
    def array():
        return dataset()["v"].rename("v")

    @stage(cache=True)
    def frame():
        return pandas.DataFrame({"v": [1.0, 2.0]})

    @stage(value=dataset, cache=True)
    def describe(value):
        return repr(value) + repr(value.attrs) + repr(getattr(value, "encoding", ""))

    @stage(cache=True)
    def caller():
        value = dataset()
        CHANGE
        return describe(value=value)

    def changed():
        value = SOURCE()
        CHANGE
        return value

    def digests():
        return [str(whorl.hash_value(value)) for value in (SOURCE(), changed(), SOURCE())]

    def ask():
        return describe(value=changed())

    def plain():
        return describe(value=SOURCE())
"""
CHANGES = {
    "dataset": [
        'value.attrs["a"] = 1',
        'value["v"].attrs["a"] = 1',
        'value["w"] = value["v"] * 2',
        'value.coords["x"] = [1, 2, 3, 5]',
        'value["v"][0] = 9',
        'value = value.rename(v="u")',
    ],
    "array": ['value.attrs["a"] = 1', 'value.name = "other"'],
    "frame": ['value.attrs["a"] = 1', 'value.index.name = "i"'],
}


def write(session: Session, source: str, change: str) -> None:
    """Write a pipeline whose caller makes that change."""
    session.write("pipe.py", PIPE.replace("SOURCE", source).replace("CHANGE", change))


@pytest.mark.parametrize("source", CHANGES)
def test_a_change_by_the_caller_is_another_value(warm: Session, source: str) -> None:
    """Recorded digests belong to untouched arrays, never to the container that holds them."""
    for change in CHANGES[source]:
        write(warm, source, change)
        warm.call("pipe.plain()")
        first, other, again = warm.call("pipe.digests()").value  # type: ignore[attr-defined]
        plain = warm.call("pipe.plain()")
        changed = warm.call("pipe.ask()")

        assert first == again != other, change
        assert plain.kind("describe") == "hit", change
        assert changed.kind("describe") == "ran", change
        assert warm.call("pipe.ask()").kind("describe") == "hit", change


def test_a_changed_container_is_seen_after_a_thousand_hits(warm: Session) -> None:
    """Nothing that is remembered of a value that was asked for often stands for another."""
    write(warm, "dataset", CHANGES["dataset"][0])
    warm.call("pipe.describe()")
    warm.settle("pipe.describe()")
    first, other, again = warm.call("pipe.digests()").value  # type: ignore[attr-defined]

    assert first == again != other
    assert warm.call("pipe.ask()").kind("describe") == "ran"


def test_the_downstream_of_a_changed_value_runs_in_another_process(fresh: Session) -> None:
    """What was stored for the dataset as it was does not answer for the dataset as it is."""
    write(fresh, "dataset", CHANGES["dataset"][0])
    before = fresh.call("pipe.describe()")
    report = fresh.call("pipe.ask()")

    assert report.value != before.value
    assert report.kind("describe") == "ran"


def test_a_change_inside_a_body_counts_as_well(session: Session) -> None:
    """A nested call is given the value as it is."""
    write(session, "dataset", CHANGES["dataset"][0])
    before = session.call("pipe.describe()")
    report = session.call("pipe.caller()")

    assert report.value != before.value
    assert report.kind("describe") == "ran"
