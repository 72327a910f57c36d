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

from whorl.errors import UndigestableError
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
    "int64": (pa.int64(), [1, None, 3, 4]),
    "float32": (pa.float32(), [1.5, None, 0.0, -0.0]),
    "date of milliseconds": (pa.date64(), [0, None, 86_400_000, None]),
    "seconds of a day": (pa.time32("s"), [1, None, 3, 4]),
    "moment": (pa.timestamp("us"), [1, None, 3, 4]),
    "moment in Tokyo": (pa.timestamp("us", "Asia/Tokyo"), [1, None, 3, 4]),
    "moment in seconds": (pa.timestamp("s"), [1, None, 3, 4]),
    "interval": (pa.month_day_nano_interval(), [(1, 2, 3), None, (0, 0, 4), (0, 0, 0)]),
    "decimal of 32 bits": (pa.decimal32(5, 2), [Decimal("1.00"), None, Decimal("2.00"), Decimal("3.25")]),
    "decimal of 256 bits": (pa.decimal256(5, 2), [Decimal("1.00"), None, Decimal("2.00"), Decimal("3.25")]),
    "scaled decimal": (pa.decimal128(5, 1), [Decimal("1.0"), None, Decimal("2.0"), Decimal("3.2")]),
    "list of categories": (
        pa.list_(pa.dictionary(pa.int8(), pa.int64())),
        [[1, 2], None, [], [None]],
    ),
    "list of required": (pa.list_(pa.field("item", pa.int64(), nullable=False)), [[1, 2], None, [], [3]]),
    "list of named": (pa.list_(pa.field("other", pa.int64())), [[1, 2], None, [], [None]]),
    "list of lists": (pa.list_(pa.list_(pa.int64())), [[[1], None], None, [], [[2, 3]]]),
    "empty struct": (pa.struct([]), [{}, None, {}, {}]),
    "sorted map": (pa.map_(pa.string(), pa.int64(), keys_sorted=True), [[("a", 1)], None, [], [("b", None)]]),
    "uuid": (pa.uuid(), [b"a" * 16, None, b"b" * 16, None]),
    "16 bytes": (pa.binary(16), [b"a" * 16, None, b"b" * 16, None]),
    "json": (pa.json_(), ["1", None, "2", "3"]),
    "tensors": (pa.fixed_shape_tensor(pa.int64(), [2]), [[1, 2], None, [3, 4], [5, 6]]),
    "tensors in another order": (
        pa.fixed_shape_tensor(pa.int64(), [2], dim_names=["x"]),
        [[1, 2], None, [3, 4], [5, 6]],
    ),
}


def union(mode: str) -> pa.Array:
    ids, branches = pa.array([0, 1, 0, 1], pa.int8()), [pa.array([1, 2, 3, 4]), pa.array(["a", "b", "c", None])]
    if mode == "sparse":
        return pa.UnionArray.from_sparse(ids, branches)
    return pa.UnionArray.from_dense(ids, pa.array([0, 1, 2, 3], pa.int32()), branches)


# Types that pyarrow cannot make from a list of values.
MADE = {
    "sparse union": lambda: union("sparse"),
    "dense union": lambda: union("dense"),
    "named union": lambda: pa.UnionArray.from_sparse(
        pa.array([7, 5, 5, 7], pa.int8()), [pa.array([1, 2, 3, 4]), pa.array(["a", "b", "c", None])], None, [5, 7]
    ),
    "runs": lambda: pa.RunEndEncodedArray.from_arrays(pa.array([1, 3, 4], pa.int16()), pa.array([1.5, None, 2.5])),
    "ordered": lambda: pa.DictionaryArray.from_arrays(
        pa.array([0, None, 1, 0], pa.int8()), pa.array(["a", "b"]), ordered=True
    ),
}


def make(name: str) -> pa.Array:
    if name in MADE:
        return MADE[name]()
    kind, values = COLUMNS[name]
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(values, type=kind.storage_type))
    return pa.array(values, type=kind)


@pytest.mark.parametrize("name", [*COLUMNS, *MADE])
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
    names = [*COLUMNS, *MADE]
    digests = [hash_value(make(name)) for name in names]
    empty = {name: hash_value(make(name).slice(0, 0)) for name in names}
    types = {name: hash_value(make(name).type) for name in names}

    assert len(set(digests)) == len(digests)
    for found in (empty, types):
        assert found.pop("dictionary") == found["string"]
        assert found.pop("runs") == found["float64"]
        assert len(set(found.values())) == len(found)


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


def test_runs_are_layout() -> None:
    """How often a value is repeated says nothing that the values do not."""
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 6], pa.int32()), pa.array(["a", None, "b"]))
    other = pa.RunEndEncodedArray.from_arrays(pa.array([1, 2, 3, 6], pa.int64()), pa.array(["a", "a", None, "b"]))
    plain = pa.array(["a", "a", None, "b", "b", "b"])

    assert hash_value(runs) == hash_value(other) == hash_value(plain)
    assert hash_value(runs.slice(1, 3)) == hash_value(plain.slice(1, 3))
    assert hash_value(runs.type) == hash_value(plain.type)


def test_what_a_parent_hides_does_not_count() -> None:
    """Null structs, gaps between lists, and branches that are not selected may hold anything."""
    mask, ids = pa.array([False, True]), pa.array([0, 1], pa.int8())
    structs = [pa.StructArray.from_arrays([pa.array([1, hidden])], ["x"], mask=mask) for hidden in (2, None)]
    fixed = [pa.FixedSizeListArray.from_arrays(pa.array([1, hidden]), 1, mask=mask) for hidden in (2, None)]
    gaps = [
        pa.ListViewArray.from_arrays(pa.array([2, 0]), pa.array([1, 2]), pa.array([1, 2, 3])),
        pa.array([[3], [1, 2]], pa.list_view(pa.int64())),
    ]
    unions = [pa.UnionArray.from_sparse(ids, [pa.array([1, hidden]), pa.array([hidden, 2])]) for hidden in (8, None)]

    for left, right in (structs, fixed, gaps, unions):
        assert hash_value(left) == hash_value(right) == hash_value(pa.concat_arrays([left, right]).slice(2))


def test_metadata_counts_at_every_depth() -> None:
    """Extension types live there, and it need not be text."""
    inner = [pa.field("item", pa.int64(), metadata={"k": value}) for value in (b"1", b"2", b"\xff", b"")]
    different = [pa.list_(pa.int64()), *(pa.list_(field) for field in inner)]
    fields = [pa.field("a", pa.int64()), *(field.with_name("a") for field in inner)]

    assert len({hash_value(pa.array([[1]], kind)) for kind in different}) == len(different)
    assert len({hash_value(kind) for kind in different}) == len(different)
    assert len({hash_value(field) for field in fields}) == len(fields)
    assert hash_value(fields[0]) != hash_value(fields[0].with_nullable(nullable=False))


def test_scalars_are_not_arrays() -> None:
    """What is one value is not a column of one row, in any type."""
    for name in COLUMNS:
        array = make(name)
        first, null = array[0], pa.scalar(None, array.type)

        assert hash_value(first) == hash_value(array[0]) != hash_value(array.slice(0, 1))
        assert name == "null" or hash_value(first) != hash_value(null)


def test_readers_are_refused() -> None:
    """What a stream will give cannot be read without taking it."""
    reader = pa.RecordBatchReader.from_batches(pa.schema([]), [])
    with pytest.raises(UndigestableError, match=r"^value: a pyarrow\.lib\.RecordBatchReader has no digest"):
        hash_value(reader)


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


def test_the_order_of_an_ordered_dictionary_counts() -> None:
    """Which value comes before which is what the type says about it; values that no row names have a place too."""

    def ordered(indices: list[int | None], values: list[str]) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), pa.array(values), ordered=True)

    low = ordered([0, 1, None], ["x", "y"])
    chunks = pa.chunked_array([low.slice(0, 1), low.slice(1)])
    nested = [pa.ListArray.from_arrays([0, 3], array) for array in (low, ordered([1, 0, None], ["y", "x"]))]

    assert hash_value(low) == hash_value(ordered([0, 1, None, 1], ["x", "y"]).slice(0, 3))
    assert hash_value(chunks) == hash_value(pa.chunked_array([low]))
    assert hash_value(low) != hash_value(ordered([1, 0, None], ["y", "x"]))
    assert hash_value(low) != hash_value(ordered([0, 1, None], ["x", "y", "z"]))
    assert hash_value(nested[0]) != hash_value(nested[1])
    assert hash_value(low.slice(0, 0)) == hash_value(low.slice(2, 0))
    assert hash_value(low.slice(0, 0)) != hash_value(ordered([1], ["y", "x"]).slice(0, 0))
