"""polars frames and series: names, types and values count; chunks and caches do not."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whorl.errors import UndigestableError
from whorl.fingerprint import describe_polars
from whorl.fingerprint.values import digest_argument, hash_value, scan_value

if TYPE_CHECKING:
    from collections.abc import Callable

SERIES: dict[str, Callable[[], pl.Series]] = {
    "int8": lambda: pl.Series("x", [1, None, 3], dtype=pl.Int8),
    "int64": lambda: pl.Series("x", [1, None, 3]),
    "uint64": lambda: pl.Series("x", [2**63, None, 3], dtype=pl.UInt64),
    "int128": lambda: pl.Series("x", [2**100, None, 3], dtype=pl.Int128),
    "float32": lambda: pl.Series("x", [1.5, None, float("nan")], dtype=pl.Float32),
    "float64": lambda: pl.Series("x", [1.5, None, float("nan")]),
    "bool": lambda: pl.Series("x", [True, None, False]),
    "string": lambda: pl.Series("x", ["a", None, "a text longer than twelve"]),
    "binary": lambda: pl.Series("x", [b"a", None, b"a text longer than twelve"]),
    "categorical": lambda: pl.Series("x", ["a", None, "a text longer than twelve"], dtype=pl.Categorical),
    "enum": lambda: pl.Series("x", ["a", None, "b"], dtype=pl.Enum(["a", "b"])),
    "enum in another order": lambda: pl.Series("x", ["a", None, "b"], dtype=pl.Enum(["b", "a"])),
    "enum with more": lambda: pl.Series("x", ["a", None, "b"], dtype=pl.Enum(["a", "b", "c"])),
    "decimal": lambda: pl.Series("x", [Decimal("1.2"), None, Decimal("3.4")], dtype=pl.Decimal(10, 1)),
    "scaled decimal": lambda: pl.Series("x", [Decimal("1.2"), None, Decimal("3.4")], dtype=pl.Decimal(10, 2)),
    "date": lambda: pl.Series("x", [dt.date(2020, 1, 2), None, dt.date(2020, 1, 1)]),
    "time": lambda: pl.Series("x", [dt.time(1, 2), None, dt.time(3)]),
    "duration": lambda: pl.Series("x", [dt.timedelta(1), None, dt.timedelta(2)]),
    "moment": lambda: pl.Series("x", [1, None, 3], dtype=pl.Datetime("us")),
    "moment of milliseconds": lambda: pl.Series("x", [1, None, 3], dtype=pl.Datetime("ms")),
    "moment in a zone": lambda: pl.Series("x", [1, None, 3], dtype=pl.Datetime("us", "UTC")),
    "list": lambda: pl.Series("x", [[1], None, [2, None]]),
    "list of categories": lambda: pl.Series("x", [["a"], None, ["b", None]], dtype=pl.List(pl.Categorical)),
    "array": lambda: pl.Series("x", [[1, 2], None, [3, None]], dtype=pl.Array(pl.Int64, 2)),
    "list of pairs": lambda: pl.Series("x", [[1, 2], None, [3, None]], dtype=pl.List(pl.Int32)),
    "struct": lambda: pl.Series("x", [{"a": 1, "b": ["x"]}, {"a": None, "b": None}, {"a": 2, "b": []}]),
    "null": lambda: pl.Series("x", [None, None, None]),
    "object": lambda: pl.Series("x", [{"k": 1}, None, (2,)], dtype=pl.Object),
}


def test_types_and_values_count() -> None:
    """No two of them look alike to code, be there rows or not."""
    digests = [hash_value(make()) for make in SERIES.values()]
    empty = [hash_value(make().clear()) for make in SERIES.values()]
    frames = [hash_value(make().to_frame()) for make in SERIES.values()]
    reversed_ = [hash_value(make().reverse()) for name, make in SERIES.items() if name != "null"]

    assert len({*digests, *empty, *frames}) == 3 * len(SERIES)
    assert not {*digests} & {*reversed_}


@pytest.mark.parametrize("name", [name for name in SERIES if name != "object"])
def test_chunks_and_slices_do_not_count(name: str) -> None:
    """The same values in pieces, or out of a longer column."""
    series, expected = SERIES[name](), hash_value(SERIES[name]())
    longer = pl.concat([series, series], rechunk=True)
    pieces = pl.concat([series[:1], series[1:]], rechunk=False)

    assert hash_value(longer[3:]) == hash_value(longer[:3]) == expected
    assert hash_value(pieces) == hash_value(pieces.rechunk()) == expected
    assert hash_value(pieces.to_frame()) == hash_value(pieces.rechunk().to_frame())


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.none() | st.text("ab", max_size=15), max_size=12),
    st.lists(st.none() | st.text("ab", max_size=15), max_size=12),
    st.sampled_from([pl.String, pl.Categorical, pl.List(pl.String)]),
)
def test_series_are_equal_only_if_their_values_are(
    left: list[str | None], right: list[str | None], dtype: pl.DataType
) -> None:
    """One other value, one null, one row more or less."""

    def make(values: list[str | None]) -> pl.Series:
        return pl.Series("x", [[value] for value in values] if dtype == pl.List else values, dtype=dtype)

    assert (hash_value(make(left)) == hash_value(make(right))) == (left == right)


def test_numbers_that_categories_have_in_this_process_do_not_count() -> None:
    """The same text is the same column, whatever was seen before it."""
    before = hash_value(pl.Series(["b", "a"], dtype=pl.Categorical))
    pl.Series(["z", "y", "a", "b"], dtype=pl.Categorical)
    mixed = pl.Series(["q", "a", "b", "a"], dtype=pl.Categorical)

    assert hash_value(pl.Series(["b", "a"], dtype=pl.Categorical)) == before
    assert hash_value(mixed[2:4]) == before


def test_everything_that_code_can_see_of_a_frame_counts() -> None:
    """Names, order, rows, and that it is polars'."""
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    different = [
        frame,
        frame.rename({"a": "c"}),
        frame.select("b", "a"),
        frame.head(1),
        frame.clear(),
        frame.with_columns(pl.col("a").cast(pl.Int32)),
        frame.with_columns(a=pl.lit(None)),
        frame.drop("a"),
        pl.DataFrame(),
        frame.get_column("a"),
        frame.get_column("a").rename("c"),
        frame.to_struct("a"),
        frame.to_arrow(),
        frame.to_pandas(),
        frame.schema,
        pl.Int64(),
        pl.Datetime("us"),
        pl.Datetime("us", "UTC"),
        pl.Enum(["a"]),
        pl.Enum(["b"]),
        pl.List(pl.Int8),
    ]

    assert len({hash_value(value) for value in different}) == len(different)
    assert hash_value(frame) == hash_value(frame.clone()) == hash_value(frame.with_columns(pl.col("a").set_sorted()))


def test_objects_in_a_frame_count_by_their_values() -> None:
    """Beside other columns, in their place."""

    def make(*objects: object, name: str = "o") -> pl.DataFrame:
        return pl.DataFrame({"a": [1, 2], name: pl.Series(objects, dtype=pl.Object), "b": [3, 4]})

    frame = make({"k": 1}, None)
    different = [
        frame,
        make({"k": 2}, None),
        make({"k": 1}, None, name="p"),
        frame.select("o", "a", "b"),
        frame.drop("o"),
        frame.with_columns(b=pl.col("a")),
    ]

    assert hash_value(frame) == hash_value(make({"k": 1}, None))
    assert len({hash_value(value) for value in different}) == len(different)


def test_cells_that_have_no_digest_are_led_to() -> None:
    """The path names the column."""
    frame = pl.DataFrame({"a": [1], "o": pl.Series([iter([])], dtype=pl.Object)})
    with pytest.raises(UndigestableError, match=r'^args/frame\["o"\]\[0\]: '):
        scan_value(frame, "args/frame")


def test_objects_inside_other_values_are_refused() -> None:
    """They show as addresses only, which are others in every process; most ways to make such a series fail."""
    for dtype in (pl.List(pl.Object), pl.Struct({"a": pl.Array(pl.Object, 2)})):
        with pytest.raises(UndigestableError, match="as addresses only"):
            describe_polars._check(pl.Series, [dtype])


def test_plans_are_refused_with_a_way_out(tmp_path) -> None:
    """What a file holds when a plan is carried out is not in the plan."""
    path = tmp_path / "x.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    for plan in (pl.scan_parquet(path), pl.LazyFrame({"a": [1]})):
        with pytest.raises(UndigestableError, match=r"^args\.plan: a polars.*\n.*a plan.*\n.*collect\(\)"):
            scan_value({"plan": plan}, "args")

    assert hash_value(pl.scan_parquet(path).collect()) == hash_value(pl.DataFrame({"a": [1]}))


def test_expressions_count_by_what_they_say() -> None:
    """Columns, operations, literals; a Python function in them would not show."""
    different = [pl.col("a"), pl.col("b"), pl.col("a") + 1, pl.col("a") + 2, pl.col("a").alias("b"), pl.lit("a")]

    assert len({hash_value(expression) for expression in different}) == len(different)
    assert hash_value(pl.col("a") + 1) == hash_value(pl.col("a") + 1)
    with pytest.raises(UndigestableError, match="calls a Python function"):
        hash_value(pl.col("a").map_batches(lambda values: values))


def test_polars_alone_is_how_a_frame_behaves() -> None:
    """That it speaks Arrow does not count."""
    frame = pl.DataFrame({"a": [1], "o": pl.Series([1], dtype=pl.Object)})

    assert [name for name, _ in digest_argument(frame, "x")[1]] == ["distribution/polars"]


def test_deep_types_have_digests_and_deeper_ones_are_refused() -> None:
    """Looking deeper would end in a crash."""
    series = pl.Series("x", [1])
    for _ in range(20):
        series = series.implode()
    dtype = pl.Int64()
    for _ in range(300):
        dtype = pl.List(dtype)

    assert hash_value(series) == hash_value(series.clone())
    with pytest.raises(UndigestableError, match="nested more than 256 levels"):
        hash_value(pl.Series("x", [None], dtype=dtype))


def test_frames_that_went_through_pyarrow_are_the_same_frames() -> None:
    """Nothing but values comes along."""
    frame = pl.DataFrame({"a": [1, None], "b": ["x", None], "c": [[1], []]})
    back = pl.from_arrow(pa.table(frame.to_arrow().to_pydict(), schema=frame.to_arrow().schema))

    assert hash_value(back) == hash_value(frame)


def test_names_that_read_like_patterns_are_names() -> None:
    """In many places polars takes ``^...$`` as an expression for many columns."""
    objects = pl.Series("^.*$", [int], dtype=pl.Object)
    frames = [pl.DataFrame([objects, pl.Series("b", values)]) for values in ([1], [2])]

    assert hash_value(frames[0]) != hash_value(frames[1])
    assert hash_value(pl.DataFrame({"^.*$": [1], "b": [1]})) != hash_value(pl.DataFrame({"^.*$": [1], "b": [2]}))
