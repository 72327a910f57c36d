"""Copies that nobody else holds: what can be changed is apart, what cannot is the same object."""

from __future__ import annotations

import copy
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np
import pandas as pd
import polars as pl
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from whorl.memory import Memory
from whorl.private import UncopyableError, _parts_apart, private_copy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

POINT = shapely.set_precision(shapely.Point(1, 2), 0.5)
BESIDE = shapely.LineString([(0, 0), (1, 1)])


@dataclass
class Places:
    """A class of a user."""

    points: Any
    name: str = "places"


def objects(*items: object) -> Any:
    """Make an array of objects of one axis."""
    array = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        array[place] = item
    return array


def frame() -> geopandas.GeoDataFrame:
    """Make a frame of places with notes in lists."""
    places = geopandas.GeoDataFrame({"geometry": [POINT, BESIDE]}, crs="EPSG:4326")
    return places.assign(notes=pd.Series([[1], [{"two": [2]}]], dtype=object))


# Each with where its first geometry is.
HOLDERS: Mapping[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "itself": (lambda: POINT, lambda value: value),
    "a list": (lambda: [POINT, [BESIDE]], lambda value: value[0]),
    "a set in a list": (lambda: [{POINT}], lambda value: next(iter(value[0]))),
    "a dict beside an array": (lambda: {"p": POINT, "n": np.arange(3)}, lambda value: value["p"]),
    "an array": (lambda: objects(POINT, BESIDE, None), lambda value: value[0]),
    "an array of lists": (lambda: objects([POINT], [BESIDE]), lambda value: value[0][0]),
    "an array with other things": (lambda: objects(POINT, pd.Timestamp(0), {1}), lambda value: value[0]),
    "an instance": (lambda: Places([POINT, BESIDE]), lambda value: value.points[0]),
    "an array in an instance": (lambda: Places({"all": objects(POINT)}), lambda value: value.points["all"][0]),
    "a column": (lambda: pd.DataFrame({"p": objects(POINT, BESIDE)}), lambda value: value["p"][0]),
    "a column of lists": (lambda: pd.DataFrame({"p": objects([POINT])}), lambda value: value["p"][0][0]),
    "a series": (lambda: pd.Series(objects(POINT)), lambda value: value[0]),
    "a frame of geometries": (frame, lambda value: value.geometry[0]),
    "a frame in a dict": (lambda: {"f": frame(), "p": POINT}, lambda value: value["f"].geometry[0]),
    "a frame in an instance": (lambda: Places(frame()), lambda value: value.points.geometry[0]),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_a_geometry_is_not_copied_wherever_it_is(name: str) -> None:
    """It cannot be changed, and a copy would say less: the grid it was rounded to would be gone."""
    make, first = HOLDERS[name]
    value = make()
    copied = private_copy(value)

    assert shapely.get_precision(first(copied)) == 0.5
    assert name == "itself" or copied is not value
    if "frame of" not in name and "frame in" not in name:  # those make an object of a geometry whenever it is asked for
        assert first(copied) is POINT


class Corner:
    """A class that makes a geometry of itself whenever it is asked for its state."""

    def __init__(self, x: float, y: float) -> None:
        self.x, self.y = x, y

    def __getstate__(self) -> object:
        return {"at": shapely.Point(self.x, self.y)}

    def __setstate__(self, state: Any) -> None:
        self.x, self.y = state["at"].x, state["at"].y


class Written:
    """A class that writes a geometry down, and makes it anew when it is copied."""

    def __init__(self, point: Any) -> None:
        self.text = point.wkb

    def __reduce__(self) -> Any:
        return Written, (shapely.from_wkb(self.text),)


class Remade(Corner):
    """A class that makes a geometry of itself only to copy it."""

    def __deepcopy__(self, memo: Any) -> Any:
        point = copy.deepcopy(shapely.Point(self.x, self.y), memo)
        return Remade(point.x, point.y)


class Hidden:
    """A class that has its geometry where nobody looks."""

    __slots__ = ("point",)

    def __init__(self, point: Any) -> None:
        self.point = point


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [Corner, Remade], ids=lambda kind: kind.__name__)
def test_a_value_that_makes_geometries_of_itself_is_copied(make: Callable[[float, float], Any]) -> None:
    """Each time it is asked there is another of them; that ends all the same."""
    value = make(1, 2)
    copied: Any = private_copy({"all": [value], "n": np.arange(2)})
    written: Any = private_copy([Written(POINT)])

    assert (copied["all"][0].x, copied["all"][0].y) == (1, 2)
    assert copied["all"][0] is not value
    assert written[0].text == POINT.wkb


def test_a_geometry_that_nobody_saw_keeps_its_grid() -> None:
    """What is found only by copying is copied once more, by another way."""
    value = Hidden(POINT)
    copied: Any = private_copy([value, {1}])

    assert copied[0] is not value
    assert copied[0].point is POINT


def test_what_modules_hold_is_not_looked_at() -> None:
    """A value may refer to one, whose parts are no parts of the value."""
    value = Places(types)
    looked = [value.points.__dict__, Places(POINT)]
    types.hidden = looked  # type: ignore[attr-defined]
    try:
        found = list(_parts_apart(value))
    finally:
        del types.hidden  # type: ignore[attr-defined]

    assert found == []


def test_what_holds_geometries_is_apart() -> None:
    """Whatever a caller does to rows, columns, lists and dicts in them, another has what was put in."""
    memory = Memory()
    memory.put("frame", frame())
    memory.put("array", objects([POINT], [BESIDE]))
    memory.put("instance", Places([POINT, [BESIDE]]))
    spoiled, spoiled_array, spoiled_instance = memory.get("frame"), memory.get("array"), memory.get("instance")
    spoiled.loc[0, "geometry"] = BESIDE
    spoiled["notes"][0].append(3)
    spoiled["notes"][1][0]["two"].append(3)
    spoiled.attrs["a"] = 1
    spoiled_array[0].append(POINT)
    spoiled_instance.points[1].clear()
    whole = memory.get("frame")

    assert_geodataframe_equal(whole.drop(columns="notes"), frame().drop(columns="notes"))
    assert list(whole["notes"]) == [[1], [{"two": [2]}]]
    assert whole.crs == "EPSG:4326"
    assert whole.attrs == {}
    assert memory.get("array")[0] == [POINT]
    assert memory.get("instance") == Places([POINT, [BESIDE]])


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(6).reshape(2, 3)[:, ::2],
        np.asfortranarray(objects([1], [2], [3], [4]).reshape(2, 2)),
        objects([1], [2], [3], [4]).reshape(2, 2).T,
        objects([1], [2], [3])[::-1],
        objects(),
        np.array(5),
        np.array(None, dtype=object),
        objects(np.array(5), np.arange(2)),
        objects((1, [2]), "text", b"", None, {"a": [1]}),
        np.array([(1, [2])], dtype=[("a", int), ("b", object)]),
        np.array(["a", "bc"]),
        np.array(["2020-01-01"], dtype="datetime64[s]"),
        np.ma.masked_array([1, 2], mask=[True, False]),
    ],
    ids=str,
)
def test_an_array_is_copied_as_deepcopy_does(array: Any) -> None:
    """In shape, order, type and content, and apart from it, alone and among other things."""
    expected = copy.deepcopy(array)
    for copied in (private_copy(array), private_copy([array, 1])[0], private_copy({"a": array, "b": {1}})["a"]):  # type: ignore[index]
        assert type(copied) is type(expected)
        assert (copied.shape, copied.strides, copied.dtype) == (expected.shape, expected.strides, expected.dtype)
        assert repr(copied) == repr(expected)
        assert copied.flags.writeable
        assert not np.shares_memory(copied, array)
        if array.dtype == object:
            pairs = zip(copied.ravel().tolist(), array.ravel().tolist(), strict=True)
            assert all(one is not other for one, other in pairs if isinstance(other, (list, dict, np.ndarray)))


def test_what_stands_in_two_places_does_so_in_the_copy() -> None:
    """Of an array and a list, of an array twice."""
    shared: list[int] = [1]
    array = objects(shared, None)
    one: Any = private_copy({"list": shared, "array": array, "again": array})

    assert one["array"] is one["again"]
    assert one["array"][0] is one["list"]
    assert one["list"] is not shared


@pytest.mark.parametrize("make", [lambda table: table, lambda table: table["o"], lambda table: [table, {1}]])
def test_objects_in_a_table_of_polars_have_no_copy(make: Callable[[Any], Any]) -> None:
    """It would share them: the value is computed again, or read from the store, rather than copied."""
    table = pl.DataFrame({"o": pl.Series([[1]], dtype=pl.Object)})

    with pytest.raises(UncopyableError, match="same objects"):
        private_copy(make(table))
    assert not Memory().put("key", make(table))
    assert Memory().put("key", make(pl.DataFrame({"o": [[1]]})))
