"""numpy arrays, scalars, dtypes and generators: values count, layout does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from whorl.digest import Digest
from whorl.errors import UndigestableError
from whorl.fingerprint.values import digest_argument, hash_value

DTYPES = hnp.scalar_dtypes() | hnp.unicode_string_dtypes(max_len=3) | hnp.byte_string_dtypes(max_len=3)
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=4)))


def layouts(array: np.ndarray) -> list[np.ndarray]:
    """Lay the same elements out in other ways."""
    found = [
        np.array(array, order="F"),
        np.array(array, order="C"),
        array.astype(array.dtype.newbyteorder(">")),
        array.view(),
    ]
    if array.ndim:
        wide = np.empty((*array.shape[:-1], array.shape[-1] * 2), dtype=array.dtype)
        wide[..., ::2] = array
        found += [wide[..., ::2], np.ascontiguousarray(array[::-1])[::-1]]
    return found


@given(ARRAYS)
def test_strides_and_byte_order_do_not_count(array: np.ndarray) -> None:
    """Elements in their logical order do."""
    assert {hash_value(laid) for laid in layouts(array)} == {hash_value(array)}


@given(hnp.arrays(np.int16, hnp.array_shapes(min_side=1, max_side=4)), st.data())
def test_one_element_counts(array: np.ndarray, data: st.DataObject) -> None:
    """One changed element is another array."""
    changed = array.copy()
    index = tuple(data.draw(st.integers(0, side - 1)) for side in array.shape)
    changed[index] ^= np.int16(1)

    assert hash_value(changed) != hash_value(array)


def test_shape_dtype_and_class_count() -> None:
    """Equal bytes are not equal arrays."""
    base = np.arange(6, dtype="i8")
    different = [
        base,
        base.reshape(2, 3),
        base.reshape(3, 2),
        base.reshape(2, 3).T,
        base.reshape(6, 1),
        base.astype("u8"),
        base.astype("f8"),
        base.view("M8[ns]"),
        base.view("M8[us]"),
        base.view("m8[ns]"),
        base.view("S8"),
        base.view("V8"),
        base.astype(object),
        base.view(np.recarray),
        np.ma.array(base),
        np.ma.array(base, mask=[1, 0, 0, 0, 0, 0]),
        np.ma.array(base, fill_value=7),
        base.tolist(),
        base.tobytes(),
    ]

    assert len({hash_value(value) for value in different}) == len(different)


def test_empty_and_zero_dimensional_arrays_have_shapes() -> None:
    """There is nothing in them, and still they differ."""
    different = [np.zeros(shape) for shape in [(), (0,), (0, 3), (3, 0), (1,), (1, 1)]]
    different += [np.zeros(0, "f4"), np.zeros(3, "U0"), np.float64(0), 0.0]

    assert len({hash_value(value) for value in different}) == len(different)


def test_bits_of_floats_count() -> None:
    """``-0.0`` is not ``0.0``; a NaN is itself."""
    assert hash_value(np.array([0.0])) != hash_value(np.array([-0.0]))
    assert hash_value(np.array([np.nan])) == hash_value(np.array([np.nan]))


def test_padding_of_structures_does_not_count() -> None:
    """What lies between fields is not part of the value."""
    packed = np.dtype([("a", "i1"), ("b", "f8")])
    aligned = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    loose = np.frombuffer(b"\xff" * 48, dtype=np.uint8).copy().view(aligned)
    tight = np.zeros(3, packed)
    for name in ("a", "b"):
        loose[name] = tight[name] = [1, 2, 3]

    assert hash_value(loose) == hash_value(tight)
    assert hash_value(tight) != hash_value(tight.astype([("a", "i1"), ("c", "f8")]))
    assert hash_value(tight[["b", "a"]]) != hash_value(tight)


def test_nested_structures_have_digests() -> None:
    """Fields may hold structures, arrays and objects."""
    dtype = np.dtype([("a", [("x", "i2"), ("y", "f4", (2, 2))]), ("o", object)])
    array = np.zeros(2, dtype)
    array["o"] = [None, "x"]
    changed = array.copy()
    changed["a"]["y"][1, 0, 1] = 5

    assert hash_value(array) == hash_value(array.copy()) != hash_value(changed)
    assert hash_value(array[0]) != hash_value(array[1])


def test_arrays_of_objects_count_by_their_elements() -> None:
    """Addresses do not."""
    array = np.array([1, "a" * 3, None, [1, 2], np.nan], dtype=object)
    again = np.array([1, "a" + "aa", None, [1, 2], float("nan")], dtype=object)

    assert hash_value(array) == hash_value(again) == hash_value(array[::-1][::-1])
    assert hash_value(np.array([None], dtype=object)) != hash_value(np.array(["None"], dtype=object))
    with pytest.raises(UndigestableError, match=r"value\[0\]"):
        hash_value(np.array([iter([])], dtype=object))


def test_an_array_of_objects_may_hold_itself() -> None:
    """It is a container like any other."""
    array = np.empty(1, dtype=object)
    array[0] = array

    assert isinstance(hash_value(array), Digest)


@pytest.mark.parametrize("size", [1023, 65_536, 262_144, 262_145, 3_000_000])
def test_large_arrays_are_hashed_in_place_to_the_last_element(size: int) -> None:
    """Threads and block sizes do not show."""
    array = np.arange(size, dtype="f8")
    changed = array.copy()
    changed[-1] += 1

    assert hash_value(array) == hash_value(array.copy()) != hash_value(changed)
    assert hash_value(np.asfortranarray(array.reshape(1, -1))) == hash_value(array.reshape(1, -1))


def test_a_memory_map_is_the_array_that_it_shows(tmp_path) -> None:
    """Stored arrays may come back mapped."""
    path = tmp_path / "array.npy"
    np.save(path, np.arange(5))

    assert hash_value(np.load(path, mmap_mode="r")) == hash_value(np.arange(5))


def test_masked_arrays_count_with_what_lies_under_the_mask() -> None:
    """Code can look at ``.data``; whether the mask was written out does not count."""
    assert hash_value(np.ma.array([1, 2])) == hash_value(np.ma.array([1, 2], mask=[0, 0]))
    assert hash_value(np.ma.array([1, 2], mask=[0, 1])) != hash_value(np.ma.array([1, 3], mask=[0, 1]))


@pytest.mark.parametrize("scalar", [np.int8(1), np.float32(1), np.datetime64("2020"), np.str_("a"), np.True_])
def test_scalars_are_not_the_python_values_they_equal(scalar: np.generic) -> None:
    """They compute otherwise."""
    assert hash_value(scalar) == hash_value(scalar.copy()) != hash_value(scalar.item())


def test_scalars_of_other_widths_differ() -> None:
    """One in eight bits is not one in sixteen; NaT has its unit."""
    scalars = [np.int8(1), np.int16(1), np.uint8(1), np.float16(1), np.float64(1), np.True_, np.complex64(1)]
    scalars += [np.datetime64("NaT", "s"), np.datetime64("NaT", "ns"), np.timedelta64("NaT", "s")]

    assert len({hash_value(scalar) for scalar in scalars}) == len(scalars)


def test_dtypes_are_values() -> None:
    """As an argument, byte order and padding count."""
    dtypes = ["f8", ">f8", "M8[s]", "M8[ns]", "U3", "S3", object, [("a", "i4")], [("b", "i4")], ("i4", (2,))]
    aligned = [np.dtype([("a", "i1"), ("b", "i4")], align=align) for align in (True, False)]
    values = [*map(np.dtype, dtypes), *aligned]

    assert len({hash_value(value) for value in values}) == len(values)
    assert hash_value(np.dtype("f8")) == hash_value(np.dtype("=f8"))


def test_generators_count_by_their_state() -> None:
    """A generator that has been used is another one."""
    fresh, used = np.random.default_rng(1), np.random.default_rng(1)
    assert hash_value(fresh) == hash_value(used)
    used.random()

    assert hash_value(fresh) != hash_value(used)
    assert hash_value(np.random.RandomState(1)) != hash_value(np.random.RandomState(2))
    assert hash_value(np.random.PCG64(1)) != hash_value(np.random.Philox(1))


def test_spawning_from_a_generator_counts() -> None:
    """The next child would be another one."""
    one, two = np.random.default_rng(1), np.random.default_rng(1)
    two.spawn(1)

    assert hash_value(one) != hash_value(two)


def test_ufuncs_are_known_by_name_and_handmade_ones_are_refused() -> None:
    """The code inside ``np.frompyfunc`` cannot be seen."""
    assert hash_value(np.add) != hash_value(np.subtract)
    with pytest.raises(UndigestableError, match="ufunc"):
        hash_value(np.frompyfunc(lambda x: x, 1, 1))


def test_a_subclass_of_arrays_counts_with_its_state() -> None:
    """Units, names, whatever it carries."""

    class Measured(np.ndarray):
        pass

    metres, feet = np.zeros(2).view(Measured), np.zeros(2).view(Measured)
    metres.unit, feet.unit = "m", "ft"

    assert hash_value(metres) != hash_value(feet)
    assert hash_value(metres) != hash_value(np.zeros(2))


def test_new_strings_of_numpy_have_digests() -> None:
    """Variable-width strings, with their missing value."""
    dtype = np.dtypes.StringDType()
    array = np.array(["a", "b" * 100], dtype=dtype)
    missing = np.array(["a", "b" * 100], dtype=np.dtypes.StringDType(na_object=None))

    assert hash_value(array) == hash_value(array.copy()) != hash_value(array.astype("U100"))
    assert hash_value(missing) != hash_value(array)


def test_numpy_is_part_of_how_an_array_behaves() -> None:
    """Its policy version, so that a new minor version is another argument."""
    assert [name for name, _ in digest_argument([np.zeros(1)], "args/x")[1]] == ["distribution/numpy"]


def test_padding_of_extended_floats_does_not_count() -> None:
    """x87 keeps 10 bytes of each in 16, and leaves chance in the others."""
    for dtype in ("g", "G"):
        clean = np.arange(6).astype(dtype).reshape(2, 3)
        dirty = clean.copy()
        if np.finfo("g").nmant == 63:
            dirty.view(np.uint8).reshape(*clean.shape, -1, clean.itemsize // (2 if dtype == "G" else 1))[..., 10:] = 7
        changed = clean.copy()
        changed[1, 2] += 1

        assert hash_value(clean) == hash_value(dirty) == hash_value(np.asfortranarray(dirty)) != hash_value(changed)
        assert hash_value(clean[0, 1]) == hash_value(dirty[0, 1]) != hash_value(clean[0, 2])
        assert hash_value(clean) == hash_value(clean.astype(clean.dtype.newbyteorder(">")))


def filled(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Make an array in which neighbours differ."""
    count = int(np.prod(shape))
    if dtype[0] in "SUV":
        return (
            np.array([str(number) for number in range(900)], dtype="S")
            .astype(dtype)[np.arange(count) % 900]
            .reshape(shape)
        )
    return (np.arange(count) % 30_000).astype("i8").astype(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", ["u1", "i2", ">i4", "f8", ">c16", "U3", "S5", "M8[us]", "V3", "g"])
@pytest.mark.parametrize("shape", [(400_000,), (700, 600), (3, 200_000), (200_000, 3), (60, 70, 80)], ids=str)
def test_large_arrays_in_any_layout_are_those_of_their_copies(dtype: str, shape: tuple[int, ...]) -> None:
    """Gathered in tiles, by several threads, to the last element."""
    array = filled(dtype, shape)
    spread = np.zeros((*shape[:-1], shape[-1] * 2), dtype=array.dtype)
    spread[..., ::2] = array
    transposed = np.ascontiguousarray(array.T)
    changed = transposed.copy()
    changed[(-1,) * changed.ndim] = changed[(-2,) * changed.ndim]
    laid = [spread[..., ::2], transposed.T, np.flip(np.flip(array).copy())]

    assert {hash_value(other) for other in laid} == {hash_value(array)} != {hash_value(changed.T)}


def test_a_broadcast_array_counts_by_what_it_shows() -> None:
    """That a number is kept once does not count, and is not written out for it."""
    assert hash_value(np.broadcast_to(np.arange(3.0), (4, 3))) == hash_value(np.tile(np.arange(3.0), (4, 1)))
    assert hash_value(np.broadcast_to(np.float64(1), (5, 0))) == hash_value(np.ones((5, 0)))


def test_large_structures_are_read_field_by_field() -> None:
    """Records need no copy; read-only ones have digests like others."""
    dtype = np.dtype([("a", "i1"), ("b", "f8"), ("c", ">i4", (2,)), ("d", "g")], align=True)
    table = np.zeros(200_000, dtype)
    table["b"] = np.arange(len(table))
    changed = table.copy()
    changed["c"][-1, 1] = 1
    packed = np.dtype([(name, dtype[name]) for name in dtype.names])
    frozen = table.copy()
    frozen.flags.writeable = False

    assert hash_value(table) == hash_value(frozen) == hash_value(table.astype(packed)) != hash_value(changed)
    assert hash_value(table[::2]) == hash_value(table[::2].copy())
    assert hash_value(table.view(np.recarray)) != hash_value(table)


def test_titles_of_fields_count() -> None:
    """Code can use them in place of names."""
    plain, titled = np.dtype([("a", "i4")]), np.dtype([(("A title", "a"), "i4")])

    assert hash_value(np.zeros(1, plain)) != hash_value(np.zeros(1, titled))


def test_attributes_of_masked_arrays_count() -> None:
    """Those of their own, and the class of what was masked."""

    class Base(np.ndarray):
        pass

    class Measured(np.ma.MaskedArray):
        pass

    one, two = np.ma.array([1, 2]).view(Measured), np.ma.array([1, 2]).view(Measured)
    one.unit, two.unit = "m", "ft"

    assert hash_value(one) != hash_value(two)
    assert hash_value(np.ma.array(np.array([1]).view(Base))) != hash_value(np.ma.array([1]))


def test_an_array_that_is_changed_while_it_is_walked_does_no_harm() -> None:
    """Elements are read where they lie: whoever is asked for a state may put others in their place."""
    array = np.empty(1000, dtype=object)

    class Vandal:
        def __getstate__(self) -> object:
            array[:] = [bytes(50) for _ in range(1000)]
            return {"a": 1}

    array[:] = [Vandal() for _ in range(1000)]

    assert isinstance(hash_value(array), Digest)


def test_records_are_not_plain_structures() -> None:
    """Fields of records are attributes as well, whose absence code can see."""
    plain = np.dtype([("a", "i4"), ("b", [("c", "f8")])])
    record = np.dtype((np.record, plain))
    inner = np.dtype([("a", "i4"), ("b", (np.record, [("c", "f8")]))])
    arrays = [np.zeros(2, dtype) for dtype in (plain, record, inner)]

    assert len({hash_value(dtype) for dtype in (plain, record, inner)}) == 3
    assert len({hash_value(array) for array in arrays}) == 3
    assert len({hash_value(array[0]) for array in arrays}) == 3


def test_the_masked_constant_has_a_digest() -> None:
    """There is one in each process, whatever it says that it holds."""
    assert hash_value(np.ma.masked) == hash_value(np.ma.array([1], mask=True)[0])
    assert len({hash_value(value) for value in (np.ma.masked, np.ma.nomask, np.ma.array(0.0, mask=True))}) == 3
