"""pandas frames, series, indexes and scalars: values and labels count, blocks do not."""

from __future__ import annotations

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import pandas as hpd

from whorl.errors import UndigestableError
from whorl.fingerprint.values import digest_argument, hash_value, scan_value

FRAMES = hpd.data_frames(
    [
        hpd.column("i", dtype="int64"),
        hpd.column("f", dtype="float64", elements=st.floats(allow_nan=False) | st.just(float("nan"))),
        hpd.column("b", dtype="bool"),
        hpd.column("j", dtype="int64"),
        hpd.column("o", elements=st.none() | st.text(max_size=3) | st.floats()),
    ],
    index=hpd.range_indexes(min_size=1, max_size=5),
)


def rebuilt(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Build an equal frame with other blocks, other strides, another index object."""
    by_column = pd.concat([frame[[name]] for name in frame], axis=1)
    grown = pd.DataFrame(index=frame.index)
    for name in frame:
        grown[name] = frame[name].array.copy()
    doubled = pd.concat([frame, frame]).iloc[: len(frame)]
    spread = pd.concat([frame, frame], keys=["a", "b"]).sort_index(level=1, kind="stable").iloc[::2]
    spread.index = pd.Index(np.arange(len(frame)))
    return [frame.copy(), by_column, grown, doubled, spread, pickle.loads(pickle.dumps(frame))]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(FRAMES)
def test_block_layout_does_not_count(frame: pd.DataFrame) -> None:
    """Equal frames miss in joblib for this (joblib#1611)."""
    assert {hash_value(other) for other in rebuilt(frame)} == {hash_value(frame)}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(FRAMES, st.data())
def test_one_cell_counts(frame: pd.DataFrame, data: st.DataObject) -> None:
    """One changed cell is another frame."""
    row = data.draw(st.integers(0, len(frame) - 1))
    changed = frame.copy()
    name = data.draw(st.sampled_from(["i", "f", "b", "j"]))
    old = changed[name].to_numpy()[row]
    changed.loc[row, name] = (not old) if name == "b" else (0 if old != 0 else 1)

    assert hash_value(changed) != hash_value(frame)


def test_a_renamed_column_is_another_value() -> None:
    """Names are part of a table, so frames that differ only in names never share a digest."""
    left = pd.DataFrame({"a": [1, 2]})
    right = left.rename(columns={"a": "b"})

    assert hash_value(left) != hash_value(right)


def test_everything_that_code_can_see_of_a_frame_counts() -> None:
    """Order, dtypes, index, names, attrs, flags."""
    base = pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})
    named = base.copy()
    named.index.name = "rows"
    columns = base.copy()
    columns.columns.name = "columns"
    attrs = base.copy()
    attrs.attrs["unit"] = "m"
    different = [
        base,
        base[["b", "a"]],
        base.astype({"a": "int32"}),
        base.astype({"a": "float64"}),
        base.astype({"a": "Int64"}),
        base.astype({"a": "int64[pyarrow]"}),
        base.astype(object),
        base.set_axis(["x", "y"], axis=0),
        base.set_axis([1, 0], axis=0),
        base.set_axis([0.0, 1.0], axis=0),
        base.set_axis(["a", "a"], axis=1),
        base.set_axis(["b", "b"], axis=1),
        base.set_axis([0, 1], axis=1),
        base.T,
        named,
        columns,
        attrs,
        base.set_flags(allows_duplicate_labels=False),
        base.iloc[:0],
        base.iloc[:, :0],
        base["a"],
        base["a"].rename("b"),
        base["a"].rename(None),
        base.index,
        base.to_numpy(),
        base.to_dict(),
    ]

    assert len({hash_value(value) for value in different}) == len(different)


def test_a_range_index_is_the_index_of_its_values() -> None:
    """Whether numbers were written out does not count."""
    written = pd.Index(np.arange(2, 10, 3))

    assert hash_value(pd.RangeIndex(2, 10, 3)) == hash_value(written)
    assert hash_value(pd.Series([1, 2, 3], pd.RangeIndex(2, 10, 3))) == hash_value(pd.Series([1, 2, 3], written))
    assert hash_value(pd.RangeIndex(2, name="x")) != hash_value(pd.RangeIndex(2))


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-5, 5), st.integers(0, 5), st.integers(-1, 4))
def test_whether_an_index_has_equal_steps_does_not_show(start: int, step: int, length: int, odd: int) -> None:
    """An index whose steps are equal is known by them, and one changed label is another index."""
    values = [start + step * position for position in range(length)]
    if not all(-(2**63) <= value < 2**63 for value in values):
        return
    index = pd.Index(np.array(values, dtype="int64"))
    changed = [value ^ (position == odd) for position, value in enumerate(values)]

    assert hash_value(index) == hash_value(pd.Index(np.array(values, dtype="int64")[::-1])[::-1])
    assert (hash_value(pd.Index(np.array(changed, dtype="int64"))) == hash_value(index)) == (changed == values)
    if step:
        assert hash_value(pd.RangeIndex(start, start + step * length, step)) == hash_value(index)


def test_a_long_index_with_one_odd_label_is_no_range() -> None:
    """Every label is looked at, in the middle too."""
    labels = np.arange(200_000)
    odd = labels.copy()
    odd[100_000] = 5
    farthest = pd.Index(np.array([-(2**63), 2**63 - 1]))

    assert hash_value(pd.Index(labels)) == hash_value(pd.RangeIndex(200_000)) != hash_value(pd.Index(odd))
    assert (
        hash_value(pd.Index(labels.astype("i4"))) != hash_value(pd.Index(labels)) != hash_value(pd.Index(labels * 1.0))
    )
    assert hash_value(farthest) != hash_value(farthest[::-1])


@pytest.mark.parametrize("rows", [3, 70_000, 200_000])
def test_blocks_that_lie_across_are_read_column_by_column(rows: int) -> None:
    """A frame made of one matrix has columns whose numbers lie apart; together they are hashed as if they did not."""
    matrix = np.arange(rows * 9.0).reshape(rows, 9)
    across, along = pd.DataFrame(matrix), pd.DataFrame({name: matrix[:, name].copy() for name in range(9)})
    mixed = pd.concat([along.iloc[:, :4], along.iloc[:, 4:]], axis=1)
    changed = pd.DataFrame(matrix + (matrix == matrix[-1, -1]))
    every_other = pd.DataFrame(np.repeat(matrix, 2, axis=0))[::2].reset_index(drop=True)

    assert hash_value(across) == hash_value(along) == hash_value(mixed) == hash_value(every_other)
    assert hash_value(changed) != hash_value(across)


def test_dtypes_of_others_count_by_what_makes_them_equal() -> None:
    """An extension dtype says by ``_metadata`` what tells it apart, although its name may not."""

    class Money(pd.api.extensions.ExtensionDtype):
        name = "money"
        type = Decimal
        _metadata = ("currency",)

        def __init__(self, currency: str) -> None:
            self.currency = currency

    assert hash_value(Money("EUR")) == hash_value(Money("EUR")) != hash_value(Money("USD"))


def test_missing_values_are_four_things() -> None:
    """None, NaN, NaT and pd.NA behave differently in columns of objects."""
    missing = [None, float("nan"), pd.NaT, pd.NA, np.datetime64("NaT"), "nan", Decimal("NaN")]

    assert len({hash_value(pd.Series([value], dtype=object)) for value in missing}) == len(missing)
    assert len({hash_value(value) for value in missing}) == len(missing)


def test_categories_count_in_their_order() -> None:
    """So does whether there is an order, and categories that are not used."""
    values = ["a", "b", "a"]
    different = [
        pd.Categorical(values),
        pd.Categorical(values, categories=["b", "a"]),
        pd.Categorical(values, ordered=True),
        pd.Categorical(values, categories=["a", "b", "c"]),
        pd.Categorical([1, 2, 1]),
        pd.Categorical(["a", "b", None]),
        pd.array(values),
    ]

    assert len({hash_value(pd.Series(value)) for value in different}) == len(different)
    assert len({hash_value(value) for value in different}) == len(different)


def test_many_categories_have_digests() -> None:
    """The width of their codes follows from their number."""
    series = pd.Series(pd.Categorical([str(number) for number in range(300)]))

    assert hash_value(series) == hash_value(series.copy()) != hash_value(series[::-1].reset_index(drop=True))


def test_zones_units_and_frequencies_count() -> None:
    """One instant in two zones is two values."""
    moments = pd.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-01-03"])
    different = [
        moments.as_unit("ns"),
        moments.as_unit("s"),
        moments.tz_localize("UTC").as_unit("ns"),
        moments.tz_localize("UTC").tz_convert("Europe/Berlin").as_unit("ns"),
        moments.tz_localize("UTC").tz_convert("Europe/Paris").as_unit("ns"),
        pd.DatetimeIndex(moments.as_unit("ns"), freq="D"),
        moments.to_period("D"),
        moments.to_period("M"),
        (moments - moments[0]).as_unit("ns"),
    ]

    assert len({hash_value(value) for value in different}) == len(different)
    assert len({hash_value(value.to_series().array) for value in different}) == len(different) - 1  # frequencies


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean"])
def test_what_lies_under_a_mask_does_not_count(dtype: str) -> None:
    """Two ways to a missing value leave different bytes behind."""
    one = pd.array([1, 1, 0], dtype=dtype)
    two = pd.array([1, 0, 0], dtype=dtype)
    one[1] = two[1] = pd.NA

    assert hash_value(one) == hash_value(two) == hash_value(pd.array([1, None, 0], dtype=dtype))
    assert hash_value(one) != hash_value(pd.array([1, 0, 0], dtype=dtype))


@pytest.mark.parametrize("dtype", ["string[python]", "string[pyarrow]", "str", object, "category", "string"])
def test_text_in_every_dtype_has_a_digest(dtype: object) -> None:
    """Chunks and offsets of pyarrow do not count."""
    series = pd.Series(["a", "bc", None, "ü", "bc"], dtype=dtype)
    joined = pd.concat([series.iloc[:2], series.iloc[2:]])

    assert hash_value(series) == hash_value(joined) == hash_value(pd.concat([series, series]).iloc[:5])
    assert hash_value(series) != hash_value(series.iloc[::-1].reset_index(drop=True))


def test_dtypes_of_text_are_different_values() -> None:
    """They say different things about missing values."""
    series = [
        pd.Series(["a"], dtype=dtype) for dtype in ("string[python]", "string[pyarrow]", object, "category", "str")
    ]
    different = {repr(one.dtype): hash_value(one) for one in series}  # before pandas 3, "str" was object

    assert len(set(different.values())) == len(different) >= 4


EXTENSIONS = {
    "sparse": lambda: pd.arrays.SparseArray([0, 0, 1, 2]),
    "sparse nan": lambda: pd.arrays.SparseArray([np.nan, 1.0]),
    "interval": lambda: pd.arrays.IntervalArray.from_breaks([0, 1, 2]),
    "interval left": lambda: pd.arrays.IntervalArray.from_breaks([0, 1, 2], closed="left"),
    "period": lambda: pd.period_range("2020", periods=2, freq="M").array,
    "arrow": lambda: pd.array([1, None], dtype="int64[pyarrow]"),
    "arrow time": lambda: pd.array(pd.to_datetime(["2020"]), dtype="timestamp[ns][pyarrow]"),
    "integer": lambda: pd.array([1, None], dtype="Int8"),
    "timedelta": lambda: pd.array([np.timedelta64(1, "s")]),
    "dates": lambda: pd.date_range("2020", periods=2, tz="UTC").array,
    "plain": lambda: pd.arrays.NumpyExtensionArray(np.array([1, 2])),
}


@pytest.mark.parametrize("make", EXTENSIONS.values(), ids=EXTENSIONS)
def test_every_extension_array_has_a_digest(make) -> None:
    """Alone, in a series, in a frame and as an index; a slice of more is the same."""
    array = make()
    frame = pd.DataFrame({"x": array})

    assert hash_value(array) == hash_value(make()) == hash_value(array[::-1][::-1])
    assert hash_value(frame) == hash_value(pd.DataFrame({"x": make()})) != hash_value(pd.DataFrame({"y": array}))
    assert hash_value(pd.Index(array)) == hash_value(pd.Index(make()))
    assert hash_value(pd.concat([frame, frame]).iloc[: len(array)]) == hash_value(frame)


def test_a_multi_index_counts_by_its_values_not_by_its_levels() -> None:
    """Levels that are not used, and their order, are layout."""
    full = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", "y"])
    part = full[2:]
    built = pd.MultiIndex.from_tuples([("b", 1), ("b", 2)], names=["x", "y"])

    assert hash_value(part) == hash_value(built)
    different = [full, part, part.set_names(["x", None]), part.swaplevel(), part.to_flat_index(), part.to_frame()]
    assert len({hash_value(value) for value in different}) == len(different)


def test_scalars_of_pandas_are_not_those_of_other_libraries() -> None:
    """A Timestamp has a unit and methods that a datetime has not."""
    moment = pd.Timestamp("2020-01-02 03:04:05")
    different = [
        moment.as_unit("ns"),
        moment.as_unit("s"),
        moment.tz_localize("UTC").as_unit("ns"),
        moment.to_pydatetime(),
        moment.as_unit("ns").to_datetime64(),
        pd.Timedelta(1, "s").as_unit("ns"),
        pd.Period("2020", "Y"),
        pd.Period("2020-01", "M"),
        pd.Interval(0, 1),
        pd.Interval(0, 1, closed="left"),
        pd.NaT,
        pd.NA,
        pd.offsets.Day(1),
        pd.offsets.Day(2),
        pd.offsets.BusinessDay(1),
        pd.offsets.CustomBusinessDay(holidays=["2020-01-01"]),
        pd.offsets.CustomBusinessDay(holidays=["2020-01-02"]),
        pd.CategoricalDtype(["a"]),
        pd.CategoricalDtype(["b"]),
        pd.Int64Dtype(),
        pd.StringDtype("python"),
        pd.StringDtype("pyarrow"),
    ]

    assert len({hash_value(value) for value in different}) == len(different)


def test_cells_that_have_no_digest_are_led_to() -> None:
    """The path names the column."""
    frame = pd.DataFrame({"a": [1], "b": pd.Series([iter([])], dtype=object)})
    with pytest.raises(UndigestableError, match=r"^args/frame\.iloc\[:, 1\]\[0\]: "):
        scan_value(frame, "args/frame")


def test_a_subclass_of_frames_counts_with_its_metadata() -> None:
    """What pandas is told to carry along."""

    class Geo(pd.DataFrame):
        _metadata = ["crs"]  # noqa: RUF012 - the way of pandas

        @property
        def _constructor(self) -> type:
            return Geo

    one, two = Geo({"a": [1]}), Geo({"a": [1]})
    one.crs, two.crs = "EPSG:1", "EPSG:2"

    assert hash_value(one) != hash_value(two)
    assert hash_value(one) != hash_value(pd.DataFrame({"a": [1]}))
    assert [name for name, _ in digest_argument(one, "x")[1]][1:] == [f"{__name__}:{Geo.__qualname__}"]


def test_pandas_alone_is_how_a_frame_behaves() -> None:
    """Dependencies of a distribution do not count: a new numpy runs nothing again."""
    frame = pd.DataFrame({name: make() for name, make in EXTENSIONS.items() if len(make()) == 2})
    frame["text"] = ["a", None]

    assert [name for name, _ in digest_argument(frame, "args/x")[1]] == ["distribution/pandas"]


def test_looking_at_a_frame_changes_nothing() -> None:
    """Caches that pandas fills are not part of the value."""
    frame = pd.DataFrame({"a": [1, 2], "t": pd.date_range("2020", periods=2)}).set_index("t")
    before = hash_value(frame)
    _ = frame.index.is_unique, frame["a"].is_monotonic_increasing, frame.loc["2020"], frame.groupby("a").size()

    assert hash_value(frame) == before
