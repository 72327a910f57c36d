"""Law 11: a stage that changes what it was given in place changes nothing for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Session

PIPE = """
    from whorl import stage

    def change(value):
        kind = type(value).__name__
        if kind == "list":
            value.append(9)
        elif kind == "dict":
            value["deep"].append(9)
        elif kind == "set":
            value.add(9)
        elif kind == "ndarray":
            value[0] = 9
        elif kind == "DataFrame":
            value["x"] = 9
            value.attrs["a"] = 9
        elif kind == "Series":
            value.iloc[0] = 9
        else:
            value.deep.append(9)
        return value

    def show(value):
        return repr(getattr(value, "deep", value)) + repr(getattr(value, "attrs", ""))

    class Box:
        def __init__(self):
            self.deep = [1]

    def make():
        IMPORT
        return MADE

    @stage(STORED)
    def source():
        return make()

    @stage(value=source, cache=True)
    def changing(value):
        return show(change(value))

    @stage(value=source, cache=True)
    def looking(value):
        return show(value)

    @stage(first=changing, value=source, second=changing, cache=True)
    def between(first, value, second):
        return show(value)

    @stage(cache=True)
    def nested():
        change(source())
        return show(source())

    @stage(cache=True)
    def given(value):
        return show(change(value))

    def plain():
        return show(make())

    def caller_changes():
        change(source())
        return show(source())

    def argument():
        mine = make()
        given(mine)
        return show(mine)

    def replaced():
        mine = make()
        changing(value=mine)
        return show(mine)
"""
MADE = {
    "list": "[1]",
    "dict": '{"deep": [1]}',
    "set": "{1}",
    "array": "numpy.arange(3)",
    "large array": "numpy.arange(100_000)",
    "frame": 'pandas.DataFrame({"x": [1, 2]})',
    "large frame": 'pandas.DataFrame({"x": numpy.arange(100_000)})',
    "series": "pandas.Series([1, 2])",
    "instance": "Box()",
}


def start(session: Session, made: str, *, stored: bool = True) -> object:
    """Write the project; give what an untouched value looks like."""
    library = MADE[made].partition(".")[0]
    source = PIPE.replace("IMPORT", f"import {library}, numpy" if "numpy" in MADE[made] or "pandas" in library else "")
    session.write("pipe.py", source.replace("MADE", MADE[made]).replace("STORED", f"cache={stored}"))
    return session.call("pipe.plain()").value


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("stored", [True, False], ids=["stored", "unstored"])
def test_a_change_in_place_is_seen_by_nobody_else(warm: Session, made: str, *, stored: bool) -> None:
    """Not by another stage, a later call, the caller of a nested stage, or the one who gave the argument."""
    plain = start(warm, made, stored=stored)
    changed = warm.call("pipe.changing()").value

    assert changed != plain
    for call in ("looking", "between", "nested", "caller_changes", "argument", "replaced"):
        assert warm.call(f"pipe.{call}()").value == plain, call
    warm.settle("pipe.changing()")
    for call in ("looking", "between", "nested", "caller_changes", "argument", "replaced"):
        assert warm.call(f"pipe.{call}()").value == plain, call


@pytest.mark.parametrize("made", ["dict", "array", "frame", "instance"])
def test_what_is_stored_is_the_value_before_the_change(fresh: Session, made: str) -> None:
    """A change in place by the first consumer does not reach the store."""
    plain = start(fresh, made)
    fresh.call("pipe.changing()")
    source = fresh.call("pipe.show(pipe.source())")
    looking = fresh.call("pipe.looking()")

    assert source.kind("source") == "hit"
    assert (source.value, looking.value) == (plain, plain)


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "unstored"])
def test_consumers_side_by_side_have_values_of_their_own(fresh: Session, *, stored: bool) -> None:
    """With jobs, the consumers of one value change their own at the same time."""
    source = """
        from whorl import stage

        @stage(cache=STORED)
        def top():
            return list(range(100))

        def arm(value, n):
            for i in range(1000):
                value.append(n)
            return sum(value)

        @stage(value=top)
        def one(value):
            return arm(value, 1)

        @stage(value=top)
        def two(value):
            return arm(value, 2)

        @stage(value=top)
        def three(value):
            return arm(value, 3)

        @stage(a=one, b=two, c=three, jobs=3)
        def all_three(a, b, c):
            return [a, b, c]
    """
    fresh.write("pipe.py", source.replace("STORED", str(stored)))
    report = fresh.call("pipe.all_three()")

    assert report.value == [4950 + 1000, 4950 + 2000, 4950 + 3000]
    assert report.kinds("top").count("ran") == 1


def test_a_changed_value_given_on_is_another_input(session: Session) -> None:
    """What a caller changes and passes on counts as it is, not as it was stored."""
    start(session, "list")
    session.call("pipe.looking()")
    report = session.call("pipe.looking(value=pipe.change(pipe.source()))")

    assert report.value == "[1, 9]''"
    assert report.kind("looking") == "ran"
