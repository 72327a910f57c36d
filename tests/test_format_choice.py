"""Which format a value gets, and how formats are found by name, from plugins too."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr

from contracts.payload import through
from whorl import cache, config
from whorl.errors import ConfigError, FormatError, WhorlWarning
from whorl.formats import base
from whorl.formats.base import candidates, format_for, format_named, register_format

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from whorl.formats.base import PayloadReader, PayloadWriter


class Colour(Enum):
    RED = 1


@dataclass
class Point:
    x: int


class Temperature:
    """A value of a type that no built-in format is the default of."""

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees


class Celsius:
    """A format for temperatures."""

    name = "celsius"
    suffix = ".celsius"
    exact = True

    def accepts(self, value: object) -> bool:
        return isinstance(value, Temperature)

    def encode(self, value: object, writer: PayloadWriter, options: Mapping[str, object]) -> None:
        assert isinstance(value, Temperature)
        writer.write("data.celsius", value.degrees.hex().encode())

    def decode(self, reader: PayloadReader, options: Mapping[str, object]) -> object:
        return Temperature(float.fromhex(reader.read("data.celsius").decode()))


@pytest.fixture
def no_plugins() -> Iterator[None]:
    """Forget what was registered and found in a test."""
    before = dict(base._registered)
    base._plugins.cache_clear()
    yield
    base._registered.clear()
    base._registered.update(before)
    base._plugins.cache_clear()


def _install_plugin(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Lay out a distribution with one entry point, as an installer would."""
    meta = folder / f"{name}_plugin-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n")
    (meta / "entry_points.txt").write_text(f"[whorl.formats]\n{name} = {value}\n")
    monkeypatch.syspath_prepend(str(folder))


DEFAULTS = [
    (pd.DataFrame({"a": [1]}), "parquet"),
    (pd.Series([1]), "parquet"),
    (pa.table({"a": [1]}), "parquet"),
    (np.arange(2), "npy"),
    (xr.Dataset({"a": ("x", [1])}), "zarr"),
    (xr.DataArray([1]), "zarr"),
    (xr.Variable("x", [1]), "pickle"),
    (np.ma.masked_array([1]), "pickle"),
    (np.float64(1.5), "pickle"),
    (None, "json"),
    (True, "json"),
    ([1, "a"], "json"),
    ({"a": {1}}, "json"),
    (Point(1), "json"),
    (Colour.RED, "json"),
    (len, "pickle"),
    (pd.Index([1]), "pickle"),
    (pd.Timestamp("2020"), "pickle"),
    (Temperature(1.0), "pickle"),
]


@pytest.mark.parametrize(
    ("value", "name"), DEFAULTS, ids=[f"{type(value).__name__}-{name}" for value, name in DEFAULTS]
)
def test_each_type_has_its_default(value: object, name: str) -> None:
    """The table of the documentation; the last resort is pickle, and only for values whose format was not named."""
    names = [chosen.name for chosen in candidates(value)]

    assert format_for(value).name == name
    assert names == ([name, "pickle"] if name != "pickle" else ["pickle"])
    assert candidates(value)[0].accepts(value)


def test_a_value_that_its_default_refuses_goes_to_the_next(tmp_path: Path) -> None:
    """A frame with a mixed column is not for parquet; nobody asked for parquet, so pickle keeps it."""
    mixed = pd.DataFrame({"x": pd.Series([1, "a"], dtype=object)})
    first, second = candidates(mixed)

    with pytest.raises(FormatError, match="column `x`: objects of several types: int, str"):
        through(first, mixed, tmp_path)
    pd.testing.assert_frame_equal(through(second, mixed, tmp_path), mixed)


@pytest.mark.parametrize(
    ("asked", "meant"), [("parket", "parquet"), ("CSV", None), ("feathr", "feather"), ("npz", "npy")]
)
def test_an_unknown_format_is_refused_with_what_was_meant(asked: str, meant: str | None) -> None:
    """The message lists what there is, and the tip has the nearest."""
    with pytest.raises(FormatError) as refusal:
        format_named(asked)

    assert refusal.value.message == f"unknown format {asked!r}"
    names = "arrow, csv, delta, excel, feather, file, hdf, html, json, netcdf, npy, orc, parquet, pickle"
    assert names in refusal.value.cause
    assert refusal.value.tip == (f"did you mean {meant!r}?" if meant else "")


@pytest.mark.usefixtures("no_plugins")
def test_a_registered_format_is_found_and_becomes_the_default_of_its_values(tmp_path: Path) -> None:
    """Values that a built-in format is the default of keep it."""
    register_format(Celsius())

    assert format_named("celsius").name == "celsius"
    assert [chosen.name for chosen in candidates(Temperature(1.5))] == ["celsius", "pickle"]
    assert format_for([1]).name == "json"
    decoded = through(format_for(Temperature(1.5)), Temperature(1.5), tmp_path)
    assert isinstance(decoded, Temperature)
    assert decoded.degrees == 1.5


@pytest.mark.usefixtures("no_plugins")
def test_the_name_of_a_built_in_format_cannot_be_taken() -> None:
    """Entries stored under it must stay readable."""
    taken = Celsius()
    taken.name = "parquet"

    with pytest.raises(FormatError, match="'parquet' is built in"):
        register_format(taken)


@pytest.mark.usefixtures("no_plugins")
def test_a_plugin_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, and as the default of the values it accepts."""
    _install_plugin(tmp_path, monkeypatch, "celsius", "test_format_choice:Celsius")

    assert format_named("celsius").name == "celsius"
    assert [chosen.name for chosen in candidates(Temperature(1.5))] == ["celsius", "pickle"]


@pytest.mark.usefixtures("no_plugins")
def test_a_broken_plugin_warns_and_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not keep anyone from working; asked for by its name, it is an error."""
    _install_plugin(tmp_path, monkeypatch, "broken", "no_such_module_anywhere:Format")

    with pytest.warns(WhorlWarning, match="the format plugin 'broken' .* is skipped"):
        assert format_for(Temperature(1.5)).name == "pickle"
    with pytest.raises(FormatError, match="the format 'broken' cannot be loaded"):
        format_named("broken")


def test_choosing_a_format_imports_no_library() -> None:
    """That a value is no frame is read from its type's name, so pandas stays out of a process without frames."""
    code = """
import sys
from whorl.formats.base import format_for, format_named
assert format_for({"a": 1}).name == "json" and format_for(object()).name == "pickle" and format_named("parquet")
assert format_for({"a": 1}).accepts({"a": 1}) and not format_named("parquet").accepts(1)
heavy = {"pandas", "numpy", "pyarrow", "xarray", "zarr"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("section", "value", "said"),
    [
        ({"parquet": {"version": "9"}}, pd.DataFrame({"a": [1]}), "its options version.*Unsupported Parquet format"),
        ({"parquet": {"row_group_size": "x"}}, pd.DataFrame({"a": [1]}), "its options row_group_size"),
        ({"parquet": {"row_group_size": "x"}}, "frame of dask", "its options row_group_size"),
        ({"zarr": {"chunking": 5}}, xr.Dataset({"a": ("x", [1])}), "chunking is 5"),
        ({"zarr": {"auto_rechunk": "yes"}}, xr.Dataset({"a": ("x", [1])}), "auto_rechunk is true or false"),
        ({"zarr": {"chunk_by_arg": {"kind": {}}}}, xr.Dataset({"a": ("x", [1])}), "was not settled"),
    ],
)
def test_a_setting_that_a_format_cannot_use_is_no_refusal(
    section: dict[str, dict[str, object]], value: object, said: str, tmp_path: Path
) -> None:
    """It is an error that names the option: else everything would silently be a pickle."""

    def made() -> object:
        return dd.from_pandas(pd.DataFrame({"a": [1, 2]}), npartitions=2) if isinstance(value, str) else value

    with config.options(filesystem=str(tmp_path / "store"), formats=section), pytest.raises(ConfigError) as caught:
        cache(name="made", ignore=[value])(made)()

    assert re.search(said, str(caught.value), re.DOTALL)


def test_a_value_that_a_format_refuses_is_still_a_pickle_by_whatever_options(tmp_path: Path) -> None:
    """Types that parquet has none for are no fault of the options; a frame of dask is written by them, too."""
    mixed = pd.DataFrame({"a": [1, "a"], "b": pd.arrays.SparseArray([1, 2])})
    made = cache(name="mixed")(lambda: mixed)
    lazy = cache(name="lazy")(lambda: dd.from_pandas(pd.DataFrame({"a": [1, 2] * 5000}), npartitions=2))
    with config.options(filesystem=str(tmp_path / "store"), formats={"parquet": {"compression": "GZIP"}}):
        made()
        lazy()
        files = [entry.format for stage in (made, lazy) for entry in stage.entries()]
    parts = [pq.ParquetFile(path) for path in tmp_path.rglob("part-*.parquet")]

    assert files == ["pickle", "parquet"]
    assert {part.metadata.row_group(0).column(0).compression for part in parts} == {"GZIP"}


def test_an_option_that_a_named_format_does_not_have_is_found_where_it_is_declared() -> None:
    """Before anything is computed."""
    with pytest.raises(FormatError, match="the format parquet has no option 'compresion'") as caught:
        cache(format="parquet", format_options={"compresion": "zstd"})(len)
    with pytest.raises(FormatError, match="the option compression of the format parquet cannot be 'zap'"):
        cache(format="parquet", format_options={"compression": "zap"})(len)

    assert caught.value.tip == "did you mean 'compression'?"
