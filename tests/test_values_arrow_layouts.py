"""pyarrow: however the same values are laid out, their digest is the same; any other value, type or name shows."""

from __future__ import annotations

import datetime as dt
import itertools
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whorl.digest import digest_arrow, digest_arrow_type
from whorl.errors import UndigestableError
from whorl.fingerprint.values import hash_value, scan_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Kind:
    """What values there are, and in which types pyarrow can lay them out."""

    values: st.SearchStrategy[object]
    layouts: Sequence[pa.DataType]

    def nested(self, wrap: Callable[[st.SearchStrategy[object]], st.SearchStrategy[object]], *lay) -> Kind:
        return Kind(st.none() | wrap(self.values), [make(inner) for inner in self.layouts for make in lay])


def lists(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(values, max_size=3)


def pairs(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.tuples(values, values).map(list)


def records(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.fixed_dictionaries({"a": values, "b": st.none() | st.integers(0, 3)})


def structs(inner: pa.DataType) -> pa.DataType:
    return pa.struct([("a", inner), ("b", pa.int8())])


TEXT = (
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.dictionary(pa.int8(), pa.string()),
    pa.dictionary(pa.uint32(), pa.large_string()),
)
LEAVES = [
    Kind(st.none() | st.text("ab\u2603", max_size=15), TEXT),
    Kind(st.none() | st.binary(max_size=15), [pa.binary(), pa.large_binary(), pa.binary_view()]),
    Kind(st.none() | st.integers(-(2**63), 2**63 - 1), [pa.int64()]),
    Kind(st.none() | st.booleans(), [pa.bool_()]),
    Kind(st.none() | st.binary(min_size=3, max_size=3), [pa.binary(3)]),
    Kind(st.none() | st.decimals(-9, 9, places=2).map(lambda number: number + Decimal(0)), [pa.decimal128(5, 2)]),
    Kind(st.none() | st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2001, 1, 1)), [pa.timestamp("us")]),  # noqa: DTZ001 - moments without a zone are values too
    Kind(st.none(), [pa.null()]),
]
KINDS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        inner.map(lambda kind: kind.nested(lists, pa.list_, pa.large_list, pa.list_view, pa.large_list_view)),
        inner.map(lambda kind: kind.nested(pairs, lambda inner: pa.list_(inner, 2))),
        inner.map(lambda kind: kind.nested(records, structs)),
    ),
    max_leaves=3,
)
COLUMNS = KINDS.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(kind.values, max_size=20)))
SETTINGS = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def relaid(data: st.DataObject, kind: Kind, values: list[object]) -> pa.ChunkedArray:
    """Lay the values out in some type, somewhere in a longer column, in some chunks."""
    layout = data.draw(st.sampled_from(kind.layouts))
    before, behind = (data.draw(st.lists(kind.values, max_size=9)) for _ in range(2))
    longer = pa.array([*before, *values, *behind], layout)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=3)))
    bounds = [0, *cuts, len(values)]
    chunks = [longer.slice(len(before) + start, end - start) for start, end in itertools.pairwise(bounds)]
    return pa.chunked_array(chunks, layout)


@SETTINGS
@given(COLUMNS, st.data())
def test_layouts_do_not_count(column: tuple[Kind, list[object]], data: st.DataObject) -> None:
    """Offsets and their width, views, dictionaries of text, slices and chunks, at any depth."""
    kind, values = column
    left, right = (relaid(data, kind, values) for _ in range(2))

    assert hash_value(left) == hash_value(right)
    assert hash_value(pa.table({"x": left})) == hash_value(pa.table({"x": right}))
    assert hash_value(left.type) == hash_value(right.type)


@SETTINGS
@given(COLUMNS, st.data())
def test_columns_are_equal_only_if_their_values_are(column: tuple[Kind, list[object]], data: st.DataObject) -> None:
    """One other value, one null, one row more or less."""
    kind, values = column
    others = data.draw(st.just(values) | st.lists(kind.values, max_size=20))
    if others and data.draw(st.booleans()):
        others = [*others]
        others[data.draw(st.integers(0, len(others) - 1))] = data.draw(kind.values)
    digests = [hash_value(pa.array(rows, kind.layouts[0])) for rows in (values, others)]

    assert (digests[0] == digests[1]) == (values == others)


def test_long_columns_are_what_their_parts_are() -> None:
    """Blocks, subtrees and threads do not show, whatever is looked at row by row or in place."""
    random = np.random.default_rng(0)
    nulls = random.random(400_000) < 0.1
    words = pa.array(["", "a", "bc", "a longer text than fits", "x" * 300])
    text = words.take(pa.array(random.integers(0, 5, 400_000), mask=nulls))
    numbers = pa.array(random.random(400_000), mask=nulls)
    bounds = pa.array(np.arange(0, 400_001, 4), pa.int32())
    columns = {
        "text": [text, text.cast(pa.string_view()), text.dictionary_encode(), text.cast(pa.large_string())],
        "numbers": [numbers],
        "truth": [pa.array(random.random(400_000) < 0.5)],
        "lists": [pa.ListArray.from_arrays(bounds, text), pa.ListArray.from_arrays(bounds, text.dictionary_encode())],
    }
    for layouts in columns.values():
        rows = len(layouts[0])
        cuts = [0, 5, rows // 4 + 1, rows // 4 + 1, rows - 7, rows]
        pieces = [(start, end - start) for start, end in itertools.pairwise(cuts)]
        cut = [pa.chunked_array([array.slice(*piece) for piece in pieces]) for array in layouts]
        whole = [pa.chunked_array([array]) for array in layouts]

        assert len({hash_value(column) for column in [*cut, *whole]}) == 1
        assert hash_value(layouts[0].slice(1)) != hash_value(layouts[0].slice(0, rows - 1))


# ── what contradicts itself ──


def offsets(*bounds: int) -> pa.Buffer:
    return pa.py_buffer(struct.pack(f"{len(bounds)}i", *bounds))


def view(length: int, buffer: int, start: int) -> pa.Buffer:
    return pa.py_buffer(struct.pack("i4sii", length, b"abcd", buffer, start))


BYTES = pa.py_buffer(b"0123456789012345")
MALFORMED = {
    "offsets that descend": lambda: pa.Array.from_buffers(pa.string(), 3, [None, offsets(0, 5, 2, 6), BYTES]),
    "offsets beyond the last": lambda: pa.Array.from_buffers(pa.string(), 2, [None, offsets(0, 90, 6), BYTES]),
    "negative offsets": lambda: pa.Array.from_buffers(pa.binary(), 2, [None, offsets(0, -9, 6), BYTES]),
    "lists that descend": lambda: pa.Array.from_buffers(
        pa.list_(pa.int8()), 3, [None, offsets(0, 3, 1, 3)], children=[pa.array([1, 2, 3], pa.int8())]
    ),
    "indices beyond the dictionary": lambda: pa.DictionaryArray.from_arrays(
        pa.array([0, 7]), pa.array(["a"]), safe=False
    ),
    "negative indices": lambda: pa.DictionaryArray.from_arrays(pa.array([0, -1]), pa.array([1.5]), safe=False),
    "views beyond the buffer": lambda: pa.Array.from_buffers(pa.string_view(), 1, [None, view(13, 0, 9), BYTES]),
    "views of no buffer": lambda: pa.Array.from_buffers(pa.string_view(), 1, [None, view(13, 4, 0), BYTES]),
    "views of negative length": lambda: pa.Array.from_buffers(pa.string_view(), 1, [None, view(-1, 0, 0), BYTES]),
    "type ids of no branch": lambda: pa.Array.from_buffers(
        pa.sparse_union([pa.field("a", pa.int8())]),
        1,
        [None, pa.py_buffer(b"\x05")],
        children=[pa.array([1], pa.int8())],
    ),
    "runs that descend": lambda: pa.Array.from_buffers(
        pa.run_end_encoded(pa.int32(), pa.int8()),
        4,
        [None],
        children=[pa.array([3, 1, 4], pa.int32()), pa.array([1, 2, 3], pa.int8())],
    ),
    "list views beyond the child": lambda: pa.Array.from_buffers(
        pa.list_view(pa.int8()), 1, [None, offsets(2), offsets(9)], children=[pa.array([1, 2, 3], pa.int8())]
    ),
}


@pytest.mark.parametrize("make", MALFORMED.values(), ids=MALFORMED)
def test_arrays_that_contradict_themselves_are_refused(make: Callable[[], pa.Array]) -> None:
    """An error that names the place, not a crash and not a digest of whatever lies there."""
    array = make()
    for value in (array, pa.chunked_array([array]), pa.table({"x": array})):
        with pytest.raises(UndigestableError, match=r"^args/x: "):
            scan_value(value, "args/x")


def test_buffers_that_are_too_short_are_refused() -> None:
    """A damaged file may say that there are more rows than bytes; Arrow's interface does not tell."""
    batch, sink = pa.record_batch({"x": [1, 2, 3]}), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    data = sink.getvalue().to_pybytes()
    body = data.index(struct.pack("<qqq", 1, 2, 3))
    damaged = data[:body].replace(struct.pack("<q", 3), struct.pack("<q", 1000)) + data[body:]
    table = pa.ipc.open_stream(damaged).read_all()

    assert len(table) == 1000
    with pytest.raises(UndigestableError, match="too small"):
        hash_value(table)


def test_types_nested_without_end_are_refused() -> None:
    """Pyarrow itself would crash some thousand levels deeper."""
    deep = pa.int64()
    for _ in range(3_000):
        deep = pa.list_(deep)

    for value in (deep, pa.schema([("a", deep)]), pa.field("a", deep), pa.nulls(1, deep), pa.scalar(None, deep)):
        with pytest.raises(UndigestableError, match="nested more than 256 levels"):
            hash_value(value)


class Failing:
    """Says that it has Arrow data, and has not."""

    def __init__(self, gives: object) -> None:
        self.gives = gives

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return self.gives

    def __arrow_c_schema__(self) -> object:
        return self.gives


@pytest.mark.parametrize("gives", [None, 1, (), (None, None), pa.array([1]).__arrow_c_array__()[::-1]])
def test_objects_that_only_claim_to_have_arrow_data_raise(gives: object) -> None:
    """A wrong capsule is an exception like any other."""
    with pytest.raises((TypeError, ValueError, IndexError)):
        digest_arrow(Failing(gives))
    with pytest.raises((TypeError, ValueError)):
        digest_arrow_type(Failing(gives))


def test_a_capsule_that_was_used_up_is_refused() -> None:
    """Whoever takes an array leaves nothing behind."""
    capsules = pa.array([1]).__arrow_c_array__()
    digest_arrow(Failing(capsules))

    with pytest.raises(UndigestableError):
        digest_arrow(Failing(capsules))


def test_what_a_producer_says_of_its_failure_is_told() -> None:
    """Streams may fail in the middle."""

    def batches():
        yield pa.record_batch({"a": [1]})
        raise OSError("no line")

    reader = pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches())
    with pytest.raises(UndigestableError, match="no line"):
        digest_arrow(reader)


# ── pandas ──


@pytest.mark.parametrize("dtype", ["str", "string[pyarrow]", pd.ArrowDtype(pa.string())])
def test_chunks_of_pandas_text_do_not_count(dtype: object) -> None:
    """What pandas joins is not copied, and is one column all the same."""
    series = pd.Series(["a", None, "bc"] * 5, dtype=dtype)
    joined = pd.concat([series.iloc[:4], series.iloc[4:]])

    assert hash_value(joined) == hash_value(series) != hash_value(series.iloc[::-1].reset_index(drop=True))
