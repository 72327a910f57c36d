"""pyarrow and xarray: values, names and attributes count; chunks, offsets and encodings do not."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from whorl.fingerprint.values import digest_argument, hash_value

COLUMNS: dict[str, tuple[pa.DataType, list[object]]] = {
    "int8": (pa.int8(), [1, None, 3, 4]),
    "uint64": (pa.uint64(), [2**63, None, 3, 4]),
    "float16": (pa.float16(), [np.float16(1), None, np.float16(3), np.float16(0)]),
    "float64": (pa.float64(), [1.5, None, float("nan"), -0.0]),
    "bool": (pa.bool_(), [True, None, False, True]),
    "date": (pa.date32(), [dt.date(2020, 1, 1), None, dt.date(2020, 1, 2), None]),
    "timestamp": (pa.timestamp("us", "UTC"), [1, None, 3, 4]),
    "time": (pa.time64("ns"), [1, None, 3, 4]),
    "duration": (pa.duration("s"), [1, None, 3, 4]),
    "decimal": (pa.decimal128(5, 2), [Decimal("1.00"), None, Decimal("2.00"), Decimal("3.25")]),
    "string": (pa.string(), ["a", None, "", "üx"]),
    "binary": (pa.binary(), [b"a", None, b"", b"xy"]),
    "fixed binary": (pa.binary(2), [b"ab", None, b"cd", b"ef"]),
    "list": (pa.list_(pa.int64()), [[1, 2], None, [], [None]]),
    "list of text": (pa.list_(pa.string()), [["a"], None, [], [None, "bc"]]),
    "fixed list": (pa.list_(pa.int64(), 2), [[1, 2], None, [3, 4], [5, None]]),
    "struct": (
        pa.struct([("x", pa.int64()), ("y", pa.string())]),
        [{"x": 1, "y": "a"}, None, {"x": None, "y": ""}, {}],
    ),
    "map": (pa.map_(pa.string(), pa.int64()), [[("a", 1)], None, [], [("b", None)]]),
    "null": (pa.null(), [None, None, None, None]),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), ["a", None, "b", "a"]),
}


def make(name: str) -> pa.Array:
    kind, values = COLUMNS[name]
    return pa.array(values, type=kind)


@pytest.mark.parametrize("name", COLUMNS)
def test_slices_and_chunks_do_not_count(name: str) -> None:
    """The same values at another offset, or in pieces, are the same array."""
    array = make(name)
    longer = pa.concat_arrays([array, array])
    chunked = pa.chunked_array([array.slice(0, 1), array.slice(1, 0), array.slice(1)])

    assert hash_value(longer.slice(4)) == hash_value(longer.slice(0, 4)) == hash_value(array)
    assert hash_value(chunked) == hash_value(pa.chunked_array([array])) != hash_value(array)
    assert hash_value(pa.table({"x": chunked})) == hash_value(pa.table({"x": array}))
    assert hash_value(array.slice(1, 3)) != hash_value(array.slice(0, 2))
    assert hash_value(longer) != hash_value(array)


def test_types_count() -> None:
    """Equal values of other types are other arrays."""
    digests = {name: hash_value(make(name)) for name in COLUMNS}
    empty = {name: hash_value(make(name).slice(0, 0)) for name in COLUMNS}

    assert digests.pop("dictionary") not in digests.values()
    assert len(set(digests.values())) == len(digests)
    assert len(set(empty.values())) == len(empty) - 1
    assert empty["dictionary"] == empty["string"]


def test_dictionaries_and_widths_of_offsets_are_layout() -> None:
    """The same text is the same column."""
    text = pa.array(["a", None, "b", "a"])

    assert hash_value(text.dictionary_encode()) == hash_value(text) == hash_value(text.cast(pa.large_string()))
    assert hash_value(make("list").cast(pa.large_list(pa.int64()))) == hash_value(make("list"))


def test_dictionaries_of_numbers_and_ordered_ones_are_no_layout() -> None:
    """Somebody meant them as categories."""
    text, numbers = pa.array(["a", "b"]), pa.array([1, 2])
    ordered = text.dictionary_encode().cast(pa.dictionary(pa.int32(), pa.string(), ordered=True))

    assert hash_value(ordered) != hash_value(text)
    assert hash_value(numbers.dictionary_encode()) != hash_value(numbers)


def test_what_lies_under_nulls_does_not_count() -> None:
    """Two ways to a null leave different bytes behind."""
    values = np.array([1, 2, 3], dtype="i8")
    mask = np.array([False, True, False])
    other = np.array([1, 7, 3], dtype="i8")

    assert hash_value(pa.array(values, mask=mask)) == hash_value(pa.array(other, mask=mask))
    assert hash_value(pa.array(values, mask=mask)) != hash_value(pa.array(values))


def test_a_bitmap_without_nulls_says_nothing() -> None:
    """Absent is all valid."""
    with_nulls = pa.array([1, 2, None])

    assert hash_value(with_nulls.slice(0, 2)) == hash_value(pa.array([1, 2]))


def test_borders_inside_lists_and_text_count() -> None:
    """Lengths are part of the value."""
    assert hash_value(pa.array([[1], [2, 3]])) != hash_value(pa.array([[1, 2], [3]]))
    assert hash_value(pa.array(["a", "bc"])) != hash_value(pa.array(["ab", "c"]))
    assert hash_value(pa.array([[], None], pa.list_(pa.int64()))) != hash_value(
        pa.array([None, []], pa.list_(pa.int64()))
    )


@given(st.lists(st.none() | st.text(max_size=3), max_size=6), st.lists(st.none() | st.text(max_size=3), max_size=6))
def test_two_columns_share_a_digest_only_if_their_values_are_equal(
    left: list[str | None], right: list[str | None]
) -> None:
    """Nulls and empty text are two things."""
    digests = [hash_value(pa.array(values, pa.string())) for values in (left, right)]

    assert (digests[0] == digests[1]) == (left == right)


def test_names_order_and_metadata_of_tables_count() -> None:
    """A schema is part of a table."""
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    different = [
        table,
        table.rename_columns(["a", "c"]),
        table.select(["b", "a"]),
        table.replace_schema_metadata({"k": "v"}),
        table.cast(pa.schema([pa.field("a", pa.int64(), nullable=False), ("b", pa.string())])),
        table.slice(0, 1),
        table.schema,
        table.schema.with_metadata({"k": "v"}),
        table.schema.field("a"),
        table.to_batches()[0],
        pa.int64(),
        pa.scalar(1),
        pa.scalar(1, pa.int8()),
        pa.scalar(None, pa.int8()),
    ]

    assert len({hash_value(value) for value in different}) == len(different)
    assert hash_value(table.replace_schema_metadata({"a": "1", "b": "2"})) == hash_value(
        table.replace_schema_metadata({"b": "2", "a": "1"})
    )


@pytest.mark.parametrize(
    "array",
    [
        pa.UnionArray.from_dense(
            pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["a"])]
        ),
        pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["a", "b"])),
        pa.array(["a", "a long enough text"], pa.string_view()),
    ],
    ids=["union", "runs", "views"],
)
def test_rare_types_count_by_their_values(array: pa.Array) -> None:
    """Unions, runs and views have digests too."""
    assert hash_value(array) == hash_value(array.slice(0)) != hash_value(array.slice(1))


def test_pyarrow_alone_is_how_a_table_behaves() -> None:
    """That it gives numpy arrays does not count."""
    assert [name for name, _ in digest_argument(pa.table({"a": [1, None]}), "x")[1]] == ["distribution/pyarrow"]


# ── xarray ──


def dataset() -> xr.Dataset:
    return xr.Dataset(
        {"v": (("x", "y"), np.arange(4.0).reshape(2, 2), {"unit": "m"}), "w": ("x", [1, 2])},
        coords={"x": [10, 20], "label": ("y", ["a", "b"])},
        attrs={"title": "t"},
    )


def test_everything_that_code_can_see_of_a_dataset_counts() -> None:
    """Dimensions, coordinates, variables, attributes, names, indexes."""
    base = dataset()
    different = [
        base,
        base.rename(v="u"),
        base.rename(y="z"),
        base.transpose("y", "x"),
        base.assign_attrs(title="u"),
        base.assign_attrs(other=1),
        base.assign(v=base.v.assign_attrs(unit="ft")),
        base.assign(v=base.v + 1),
        base.assign_coords(x=[10, 21]),
        base.drop_vars("label"),
        base.reset_coords("label"),
        base.drop_indexes("x"),
        base[["w", "v"]],
        base.isel(x=[0]),
        base.isel(x=0),
        base.astype("f4"),
        base.v,
        base.v.rename("u"),
        base.v.variable,
        base.v.to_numpy(),
        base.to_array(),
    ]

    assert len({hash_value(value) for value in different}) == len(different)


def test_encoding_and_memory_order_do_not_count() -> None:
    """How a file was written is not part of the value."""
    written = dataset()
    written.v.encoding["zlib"] = True
    written.encoding["source"] = "somewhere.nc"
    ordered = dataset()
    ordered["v"] = (("x", "y"), np.asfortranarray(ordered.v.to_numpy()), {"unit": "m"})
    ordered = ordered[["v", "w"]]

    assert hash_value(written) == hash_value(dataset()) == hash_value(ordered) == hash_value(dataset().copy(deep=True))


def test_indexes_of_several_levels_have_digests() -> None:
    """A stacked dataset is another one."""
    stacked = dataset().stack(z=("x", "y"))

    assert hash_value(stacked) == hash_value(dataset().stack(z=("x", "y"))) != hash_value(dataset())


def test_a_tree_of_datasets_has_a_digest() -> None:
    """Nodes count with their names."""
    tree = xr.DataTree.from_dict({"/": dataset(), "/a": dataset()})
    other = xr.DataTree.from_dict({"/": dataset(), "/b": dataset()})

    assert hash_value(tree) == hash_value(tree.copy()) != hash_value(other)


def test_xarray_alone_is_how_a_dataset_behaves() -> None:
    """What it is built upon does not count."""
    assert [name for name, _ in digest_argument(dataset(), "x")[1]] == ["distribution/xarray"]
