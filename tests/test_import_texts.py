"""Key texts of Nuthatch: what is read out of one is the only thing that Nuthatch would have written so."""

from __future__ import annotations

import datetime as dt
import re
from typing import Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whorl import cache
from whorl.adoption.offers import UnfitError
from whorl.adoption.texts import Types, read_arguments, read_types
from whorl.errors import ConfigError

NOTHING = Types({})
TEXTS = st.text(alphabet="a_1-", max_size=4)
NUMBERS = st.integers(-20, 20)


@cache(cache_args=["a", "b", "c"])
def mixed(a: str, b: int, c: str) -> None:
    """Take what needs care."""


@cache
def annotated(  # noqa: PLR0917 - a kind of each
    flag: bool,  # noqa: FBT001 - likewise
    share: float,
    day: dt.date,
    moment: dt.datetime,
    maybe: Optional[int],  # noqa: UP045 - the older spelling
    word: Literal["a", "b_c", 3],
    late: int | None,
    wrong: Missing,  # type: ignore[name-defined]  # noqa: F821
    listed: list[int],
    none: str = None,  # type: ignore[assignment]  # noqa: RUF013 - as many write it
    number: float = 1,
    bare=None,
    counted=5,
) -> None:
    """Take one of each."""


def written(*values: object) -> str:
    """Write arguments as Nuthatch does, in the order of their names."""
    return "_".join(map(str, values))


def readings(text: str) -> list[tuple[str, int, str]]:
    """Find every way to read a text as ``mixed`` takes it, the slow way."""
    pieces = text.split("_")
    cuts = [(i, j) for i in range(1, len(pieces)) for j in range(i + 1, len(pieces))]
    found = []
    for i, j in cuts:
        number = "_".join(pieces[i:j])
        if re.fullmatch(r"-?\d+", number) and str(int(number)) == number:
            found.append(("_".join(pieces[:i]), int(number), "_".join(pieces[j:])))
    return found


@given(TEXTS, NUMBERS, TEXTS)
def test_arguments_come_back_where_no_others_have_their_text(a: str, b: int, c: str) -> None:
    """And where others have it, none do."""
    text = written(a, b, c)
    possible = readings(text)

    assert (a, b, c) in possible
    if len(possible) == 1:
        assert read_arguments(mixed.definition, "abc", text, NOTHING) == {"a": a, "b": b, "c": c}
    else:
        with pytest.raises(UnfitError, match=" or "):
            read_arguments(mixed.definition, "abc", text, NOTHING)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("flag", "True", True), ("share", "0.1", 0.1), ("share", "-1e-09", -1e-09),
        ("day", "2020-01-31", dt.date(2020, 1, 31)),
        ("moment", "2020-01-31 00:00:00", dt.datetime(2020, 1, 31)), ("maybe", "None", None), ("maybe", "7", 7),  # noqa: DTZ001
        ("word", "b_c", "b_c"), ("word", "3", 3), ("late", "None", None), ("number", "1", 1), ("number", "1.0", 1.0),
        ("none", "x", "x"),
    ],
)  # fmt: skip
def test_a_type_reads_its_own_texts(name: str, text: str, value: object) -> None:
    """With the type that it was, also where a default is of another type than it is annotated with."""
    (read,) = read_arguments(annotated.definition, [name], text, NOTHING).values()

    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("flag", "1"), ("flag", "true"), ("share", "1"), ("share", "0.10"), ("day", "20200131"), ("maybe", "07"),
        ("maybe", "x"), ("word", "c"), ("none", "None"), ("moment", "2020-01-31"), ("late", " 7"), ("maybe", "1_0"),
    ],
)  # fmt: skip
def test_a_type_reads_nothing_else(name: str, text: str) -> None:
    """What ``str`` would not have written so is not of it; a text that may be None is not read either."""
    with pytest.raises(UnfitError):
        read_arguments(annotated.definition, [name], text, NOTHING)


@pytest.mark.parametrize("name", ["wrong", "listed", "bare", "counted", "unknown"])
def test_what_has_no_type_that_a_text_tells_is_not_read(name: str) -> None:
    """Lists lose their order in the text; a default is a guess that the user has to allow."""
    with pytest.raises(UnfitError, match=f"--type {name}=TYPE"):
        read_arguments(annotated.definition, [name], "7", NOTHING)


def test_types_can_be_given_and_defaults_trusted() -> None:
    """By the name of the argument, or of stage and argument, which is stronger."""
    given = Types(read_types(["wrong=str", "annotated.wrong=int", "listed=int | None"]))

    assert read_arguments(annotated.definition, ["wrong"], "7", given) == {"wrong": 7}
    assert read_arguments(annotated.definition, ["listed"], "None", given) == {"listed": None}
    assert read_arguments(annotated.definition, ["counted"], "7", Types({}, trusts_defaults=True)) == {"counted": 7}
    with pytest.raises(UnfitError):
        read_arguments(annotated.definition, ["bare"], "7", Types({}, trusts_defaults=True))


def test_no_arguments_have_no_text() -> None:
    """A text where nothing is keyed is of another stage than this."""
    assert read_arguments(mixed.definition, [], "", NOTHING) == {}
    with pytest.raises(UnfitError, match="there are none"):
        read_arguments(mixed.definition, [], "7", NOTHING)


@pytest.mark.parametrize("text", ["n", "=int", "n=", "n=number", "n=int|"])
def test_a_type_that_is_none_is_refused(text: str) -> None:
    """With those that there are."""
    with pytest.raises(ConfigError):
        read_types([text])


def test_a_long_text_is_read_in_no_time() -> None:
    """However many ways there may be, two of them are enough."""
    with pytest.raises(UnfitError, match=" or "):
        read_arguments(mixed.definition, "abc", "_".join(["1"] * 2000), NOTHING)
