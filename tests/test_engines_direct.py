"""Files read as another type without a frame of pandas between: what comes out is what converting gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import dask.dataframe as dd
import geopandas as gpd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr
from shapely.geometry import Point

from contracts.geometries import geo_frames
from contracts.payload import FolderPayload, new_payload, through
from contracts.tables import arrow_tables, frames, polars_frames, series
from whorl import cache, config
from whorl.errors import CorruptEntryError, FormatError
from whorl.formats.base import decode_as, format_named
from whorl.formats.schema.engines import convert
from whorl.wish import Wish

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whorl.formats.base import Format

COMMON = pd.DataFrame(
    {
        "a": np.arange(100),
        "f": [1.5, np.nan] * 50,
        "s": ["x", None] * 50,
        "t": pd.date_range("2020", periods=100).as_unit("us"),
        "z": pd.date_range("2020", periods=100, tz="Asia/Tokyo").as_unit("s"),
        "i": pd.array([1, None] * 50, dtype="Int16"),
        "b": [True, False] * 50,
    }
)


def outcome(make: Callable[[], Any]) -> Any:
    """Give what is made, or that it is refused."""
    try:
        return make()
    except FormatError:
        return None


def payload_of(chosen: Format, value: object, folder: Path) -> FolderPayload | None:
    """Encode a value, if the format holds it."""
    payload = new_payload(folder)
    try:
        chosen.encode(value, payload, {})
    except FormatError:
        return None
    return payload


@pytest.mark.filterwarnings("ignore:Could not serialize pd.DataFrame.attrs")
@pytest.mark.parametrize("engine", ["pyarrow.Table", "polars.DataFrame"])
@pytest.mark.parametrize("name", ["parquet", "arrow", "feather", "delta"])
def test_every_table_is_read_as_it_is_converted(tmp_path: Path, name: str, engine: str) -> None:
    """To the last type and piece of metadata; what cannot be converted is refused in both ways."""
    chosen = format_named(name)
    for label, value in (frames() | series() | arrow_tables() | polars_frames() | geo_frames()).items():
        payload = payload_of(chosen, value, tmp_path)
        if payload is None:
            continue
        wanted = outcome(lambda payload=payload: convert(chosen.decode(payload, {}), engine))
        found = outcome(lambda payload=payload: decode_as(chosen, payload, {}, Wish(engine)))

        assert type(found) is type(wanted), label
        if engine == "polars.DataFrame" and found is not None:
            assert found.schema == wanted.schema, label
            assert found.equals(wanted), label
        elif found is not None:
            assert found.schema.equals(wanted.schema, check_metadata=True), label
            assert found.equals(wanted) or found.to_pandas().equals(wanted.to_pandas()), label


@pytest.mark.parametrize("name", ["parquet", "arrow", "feather", "delta"])
def test_common_frames_take_the_direct_way(tmp_path: Path, name: str) -> None:
    """Numbers, texts, moments, gaps: pandas never has the rows."""
    chosen: Any = format_named(name)
    payload = payload_of(chosen, COMMON, tmp_path)

    assert isinstance(chosen.decode_part(payload, {}, Wish("polars.DataFrame")), pa.Table)
    assert isinstance(chosen.decode_part(payload, {}, Wish("pandas.DataFrame")), pd.DataFrame)
    assert convert(chosen.decode_part(payload, {}, Wish("polars.DataFrame")), "polars")["f"].null_count() == 50


@pytest.mark.parametrize(("name", "most"), [("arrow", 0.1), ("parquet", 1.3)])
def test_no_column_is_copied_that_need_not_be(tmp_path: Path, name: str, most: float) -> None:
    """An Arrow file is the memory of the table, and a parquet file is read into it once."""
    chosen = format_named(name)
    frame = pd.DataFrame({"a": np.arange(4_000_000), "f": np.arange(4_000_000) / 7})
    payload = payload_of(chosen, frame, tmp_path)
    assert payload is not None
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    found: Any = decode_as(chosen, payload, {}, Wish("pyarrow.Table"))

    assert (pool.bytes_allocated() - before) / found.nbytes < most
    assert found["a"].to_numpy()[-1] == 3_999_999


@pytest.mark.parametrize("engine", ["pyarrow.Table", "polars.DataFrame"])
def test_partitions_are_joined_without_pandas(tmp_path: Path, engine: str) -> None:
    """Where their rows are counted on; else by way of it."""
    chosen: Any = format_named("parquet")
    for value in (COMMON, COMMON.assign(k=pd.Categorical(["x", "y"] * 50))):
        payload = payload_of(chosen, dd.from_pandas(value, npartitions=3), tmp_path)
        wanted = convert(dd.from_pandas(value, npartitions=3), engine)
        found = decode_as(chosen, payload, {}, Wish(engine))  # type: ignore[arg-type]

        assert found.schema == wanted.schema
        assert found.equals(wanted)
    assert isinstance(
        chosen.decode_part(payload_of(chosen, dd.from_pandas(COMMON, 3), tmp_path), {}, Wish(engine)), pa.Table
    )


def test_a_table_in_files_of_rows_is_read_by_dask_file_by_file(tmp_path: Path) -> None:
    """Nothing is read before it is asked for, and each file is checked then."""
    chosen = format_named("parquet")
    payload = new_payload(tmp_path)
    chosen.encode(COMMON, payload, {"split_by": "t", "row_group_size": 30})
    watched = Watched(payload.folder)
    found: Any = decode_as(chosen, watched, {}, Wish("dask.DataFrame"))

    assert (type(found), found.npartitions) == (dd.DataFrame, 4)
    assert not any("rows-" in name for name in watched.seen)
    pd.testing.assert_frame_equal(found.compute(), convert(COMMON, "dask").compute())
    pd.testing.assert_frame_equal(found._meta, convert(COMMON, "dask")._meta)
    assert found.get_partition(1).compute().index.tolist() == list(range(30, 60))
    for engine in ("polars.DataFrame", "pyarrow.Table", "pandas.DataFrame"):
        other: Any = decode_as(chosen, payload, {}, Wish(engine))
        wanted = convert(COMMON, engine)
        assert other.equals(wanted)


class Watched(FolderPayload):
    """A payload that notes what is read of it."""

    seen: ClassVar[list[str]] = []

    def read(self, name: str) -> bytes:
        self.seen.append(name)
        return super().read(name)


@cache(format_options={"split_by": "t", "row_group_size": 30})
def table() -> pd.DataFrame:
    return COMMON


def test_a_damaged_file_of_rows_is_found_when_dask_reads_it(tmp_path: Path) -> None:
    """Never served."""
    with config.options(filesystem=str(tmp_path / "store")):
        table()
        found = table.options(engine="dask")()
        (file,) = (tmp_path / "store").rglob("rows-000002.parquet")
        file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\0")

        assert len(found.get_partition(0)) == 30
        with pytest.raises(CorruptEntryError):
            found.get_partition(2).compute(scheduler="synchronous")


# --- numpy ---


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
        pa.table({"a": [1, 2], "b": [3, 4]}),
        pl.DataFrame({"a": [1, 2], "b": [3, 4]}),
        pl.LazyFrame({"a": [1, 2], "b": [3, 4]}),
        dd.from_pandas(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), npartitions=1),
        xr.DataArray([[1, 3], [2, 4]], dims=("x", "y"), coords={"x": [5, 6]}),
        xr.Dataset({"v": (("x", "y"), [[1, 3], [2, 4]])}),
        np.array([[1, 3], [2, 4]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_one_type_are_an_array(value: Any) -> None:
    """Of two dimensions, with the type they have; it can be changed."""
    found = convert(value, "numpy")

    assert found.tolist() == [[1, 3], [2, 4]]
    assert found.dtype == np.dtype("i8")
    found[0, 0] = 9


def test_columns_of_several_types_are_one_array_where_no_number_changes() -> None:
    """Else the error names the column."""
    mixed = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan]})

    np.testing.assert_array_equal(convert(mixed, "numpy"), [[1.0, 0.5], [2.0, np.nan]])
    with pytest.raises(FormatError, match=r"cannot be read as numpy") as caught:
        convert(mixed.assign(a=[2**53 + 1, 2]), "numpy")
    assert "column `a` has numbers that float64 has not" in caught.value.cause
    with pytest.raises(FormatError) as caught:
        convert(mixed.assign(a=["x", "y"]), "numpy")
    assert "no one type" in caught.value.cause


def test_a_series_is_an_array_of_one_dimension() -> None:
    """Text as objects; missing whole numbers have no type there, and an index says something."""
    assert convert(pd.Series([1.5, 2]), "numpy").tolist() == [1.5, 2.0]
    assert convert(pd.Series(["a", "b"]), "numpy").dtype == object
    assert convert(pd.Series([1, 2], dtype="Int8"), "numpy").dtype == np.dtype("i1")
    for value in (pd.Series([1, None], dtype="Int64"), pd.Series([1], index=["x"]), pl.DataFrame({"a": [1, None]})):
        with pytest.raises(FormatError, match="cannot be read as"):
            convert(value, "numpy")
    with pytest.raises(FormatError, match="cannot be read as numpy"):
        convert({"a": 1}, "numpy")


def test_a_stage_may_give_arrays(tmp_path: Path) -> None:
    """What is stored is the frame."""

    @cache(engine="numpy")
    def numbers() -> pd.DataFrame:
        return pd.DataFrame({"a": [1.5, 2.5]})

    with config.options(filesystem=str(tmp_path / "store")):
        assert numbers().tolist() == numbers().tolist() == [[1.5], [2.5]]
        assert isinstance(numbers.options(engine=pd.DataFrame)(), pd.DataFrame)


# --- what lies between ---


def test_whole_numbers_stay_whole_where_some_are_missing() -> None:
    """As floats the large ones would be others."""
    values = [2**62 + 1, None]
    for source in (pa.table({"a": values}), pl.DataFrame({"a": values})):
        found = convert(source, "pandas")

        assert found["a"].tolist() == [2**62 + 1, pd.NA]
        assert convert(convert(source, "dask"), "pyarrow")["a"].to_pylist() == values


def test_a_series_with_a_name_is_a_frame_of_one_column() -> None:
    """For every other library, too."""
    named = pd.Series([1, 2], name="a")

    for engine in ("pandas", "polars", "pyarrow", "dask", "polars.LazyFrame"):
        assert convert(convert(named, engine), "pyarrow").to_pydict() == {"a": [1, 2]}
    with pytest.raises(FormatError, match="cannot be read as"):
        convert(pd.Series([1]), "pandas")


def test_what_a_library_refuses_is_an_error_that_says_so() -> None:
    """Not one of a damaged entry."""
    with pytest.raises(FormatError, match=r"a pandas\.DataFrame cannot be read as polars"):
        convert(pd.DataFrame({"a": [{1}, 2]}), "polars")


# --- geometries ---


def test_geometries_go_to_pandas_and_arrow_and_back(tmp_path: Path) -> None:
    """With their reference systems."""
    frame = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[Point(1, 2), None], crs=25833)
    frame.attrs = {"unit": "m"}
    plain = convert(frame, "pandas")
    arrow = convert(frame, "pyarrow")

    assert type(plain) is pd.DataFrame
    assert plain.attrs == convert(plain, "geopandas").attrs == {"unit": "m"}
    assert type(arrow) is pa.Table
    for found in (convert(plain, "geopandas"), convert(arrow, "geopandas"), through("parquet", frame, tmp_path)):
        assert isinstance(found, gpd.GeoDataFrame)
        assert (found.crs, found.geometry.tolist()) == (frame.crs, frame.geometry.tolist())
    for found in (convert(frame.geometry, "geopandas"), convert(convert(frame.geometry, "pandas.Series"), "geopandas")):
        assert isinstance(found, gpd.GeoDataFrame)
        assert (found.crs, found.geometry.name) == (frame.crs, "geometry")


@pytest.mark.parametrize(
    ("value", "engine", "words"),
    [
        (pd.DataFrame({"a": [1]}), "geopandas", "no column of geometries"),
        (
            pd.DataFrame({"a": gpd.GeoSeries([Point(1, 2)]), "b": gpd.GeoSeries([Point(1, 2)])}),
            "geopandas",
            "several columns of geometries",
        ),
        (gpd.GeoDataFrame(geometry=[Point(1, 2)]), "polars", "it can be pandas.DataFrame, pyarrow.Table"),
        (gpd.GeoDataFrame(geometry=[Point(1, 2)], index=["x"]), "pyarrow", "its index would be lost"),
    ],
)
def test_geometries_are_not_made_or_lost_in_silence(value: Any, engine: str, words: str) -> None:
    """Polars has no type for them."""
    with pytest.raises(FormatError, match="cannot be read as") as caught:
        convert(value, engine)

    assert words in caught.value.cause
