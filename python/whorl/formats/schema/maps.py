"""
A dataset or data array comes in, a GeoTIFF for each map and terracotta's list of them go out, and back.

On the arrow: *encode* and *decode* of terracotta.
"""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from whorl.errors import StoreError
from whorl.formats.schema.chunks import block_lengths, is_dask, values_of
from whorl.formats.schema.described import computed, describe, parts_of, rebuild
from whorl.formats.schema.detour import regions
from whorl.formats.schema.elements import STRING, Elements
from whorl.formats.schema.grid import Grid
from whorl.formats.schema.loss import Loss, require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from whorl.formats.base import PayloadReader, PayloadWriter
    from whorl.formats.schema.described import Part

_SCHEMA, _LIST = "schema.json", "terracotta.sqlite"
_DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")
# Maps are computed and held together up to so many bytes.
_BLOCK = 128 << 20
_NAMES = {"latitude_dimension": ("lat", "latitude", "y"), "longitude_dimension": ("lon", "longitude", "x")}


def write_maps(value: Any, writer: PayloadWriter, options: Mapping[str, object]) -> None:
    """Write a dataset or a data array, or raise ``Loss``."""
    parts, indexes = parts_of(value)
    parts = computed(parts, _BLOCK)
    axes = _axis(value, options, "latitude_dimension"), _axis(value, options, "longitude_dimension")
    grid = Grid.of(value[axes[0]].values, value[axes[1]].values)
    stored: dict[str, Any] = {}
    maps: list[tuple[Part, Sequence[str], str]] = []

    def write(part: Part, elements: Elements) -> None:
        if part.is_coordinate:
            stored[part.node] = _packed(part.variable, elements)
            return
        stored[part.node] = (
            {"shape": list(part.variable.shape), "axes": [part.variable.dims.index(a) for a in axes]}
            if (set(axes) <= set(part.variable.dims))
            else _no_map(axes)
        )
        maps.extend(_write_variable(value, part, elements, axes, grid, writer))

    described = describe(value, parts, indexes, write)
    if not maps:
        raise Loss("it has no map", "zarr")
    _list_maps(maps, writer, str(options.get("override_path", "")))
    schema = {**described, "stored": stored, "grid": [_plain(grid.rows), _plain(grid.columns)]}
    writer.write(_SCHEMA, json.dumps(schema, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())


def read_maps(reader: PayloadReader) -> Any:
    """Load what ``write_maps`` wrote."""
    import numpy as np
    import xarray as xr

    described = json.loads(reader.read(_SCHEMA))
    rows, columns = (np.asarray(order, "i8") for order in described["grid"])
    grid = Grid(rows, columns, 0.0, 0.0, (0.0, 0.0))

    def variable(entry: Mapping[str, Any], dims: tuple[Any, ...], attrs: Any, _: int) -> Any:
        elements, node = Elements.described(entry["kind"], entry["dtype"]), entry["node"]
        held = described["stored"][node]
        values = (
            _unpacked(held, elements) if entry["coordinate"] else _read_variable(reader, node, held, elements, grid)
        )
        made = xr.Variable(dims, values, attrs, fastpath=True)
        return made.chunk() if entry["dask"] else made

    return rebuild(described, variable)


def _no_map(axes: Sequence[object]) -> Any:
    raise Loss(f"it is no map: it is not over {axes[0]} and {axes[1]}", "zarr")


def _axis(value: Any, options: Mapping[str, object], option: str) -> Any:
    names = (options[option],) if option in options else _NAMES[option]
    found = next((name for name in names if name in value.dims and name in value.coords), None)
    if found is None:
        raise Loss(f"it has no dimension with labels that is called {' or '.join(map(str, names))}", "zarr")
    return found


def _write_variable(
    value: Any, part: Part, elements: Elements, axes: Sequence[Any], grid: Grid, writer: PayloadWriter
) -> Iterator[tuple[Part, Sequence[str], str]]:
    """Write one map after the other; yield the labels and the file of each that terracotta can show."""
    import numpy as np

    if elements.dtype.str[1:] not in _DTYPES:
        raise Loss(f"the dtype {elements.dtype!r}, which GeoTIFF does not have", "zarr")
    others = [dim for dim in part.variable.dims if dim not in axes]
    variable = part.variable.transpose(*others, *axes)
    numbers = np.arange(prod(variable.shape[:-2])).reshape(variable.shape[:-2])
    for place, values in _each_map(variable, elements):
        placed = grid.placed(values)
        name = f"{part.node}/{numbers[place]}.tif"
        _write_tiff(placed, grid, writer.path(name))
        if placed.dtype.kind != "f" or np.isfinite(placed).any():
            yield part, [part.node, *(_label(value, dim, at) for dim, at in zip(others, place, strict=True))], name


def _each_map(variable: Any, elements: Elements) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield one map after the other, and where it is; those of a block of dask's are computed together if they fit."""
    import numpy as np

    shape, size = variable.shape[:-2], variable.dtype.itemsize * prod(variable.shape[-2:])
    chunks = block_lengths(variable)[:-2] if is_dask(variable) else (1,) * len(shape)
    if prod(chunks) * size > _BLOCK:
        chunks = (1,) * len(shape)
    for region in regions(shape, chunks, size, _BLOCK):
        maps = np.asarray(elements.put(values_of(variable[region])))
        starts = [part.start for part in region]
        for place in np.ndindex(maps.shape[:-2]):
            yield tuple(start + at for start, at in zip(starts, place, strict=True)), maps[place]


def _label(value: Any, dim: Any, at: int) -> str:
    return f"{dim}={value[dim].values[at] if dim in value.coords else at}".replace("/", "_")


def _write_tiff(values: Any, grid: Grid, path: Path) -> None:
    import numpy as np
    import rasterio

    down, across = grid.steps
    place = rasterio.Affine(across, 0.0, grid.west, 0.0, -down, grid.north)
    profile = {
        "driver": "COG", "height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": values.dtype.name,
        "crs": "EPSG:4326", "transform": place, "compress": "DEFLATE",
        "nodata": np.nan if values.dtype.kind == "f" else None,
    }  # fmt: skip
    with _writing(), rasterio.open(path, "w", **profile) as file:
        file.write(np.ascontiguousarray(values, values.dtype.newbyteorder("=")), 1)


def _read_variable(reader: PayloadReader, node: str, held: Mapping[str, Any], elements: Elements, grid: Grid) -> Any:
    import numpy as np
    import rasterio

    down, across = held["axes"]
    shape = tuple(held["shape"])
    others = [side for axis, side in enumerate(shape) if axis not in (down, across)]
    if prod(others) != sum(name.startswith(f"{node}/") for name in reader.names):
        raise ValueError(f"a stored value has another number of maps of {node} than it says")
    found = np.empty((*others, shape[down], shape[across]), elements.dtype)
    for number, place in enumerate(product(*map(range, others))):
        # Of all the formats that GDAL knows only this one: others could name files of the machine.
        with _quiet(), rasterio.open(reader.path(f"{node}/{number}.tif"), driver="GTiff") as file:
            if file.count != 1 or file.shape != (shape[down], shape[across]):
                raise ValueError(f"a stored map of {node} has another shape")
            found[place] = grid.restored(elements.take(file.read(1)))
    return np.ascontiguousarray(np.moveaxis(found, (-2, -1), (down, across)))


def _list_maps(maps: Sequence[tuple[Part, Sequence[str], str]], writer: PayloadWriter, above: str) -> None:
    """Write terracotta's list; keys that a variable does not have are empty."""
    import terracotta

    length = max(len(labels) for _, labels, _ in maps)
    keys = ["variable", *(f"label{number}" for number in range(1, length))]
    driver = terracotta.get_driver(str(writer.path(_LIST)), provider="sqlite")
    with _writing():
        driver.create(keys)
        with driver.connect():
            for _, labels, name in maps:
                found = dict(zip(keys, [*labels, *["-"] * (length - len(labels))], strict=True))
                shown = f"{above.rstrip('/')}/{name}" if above else name
                driver.insert(found, str(writer.folder / name), override_path=shown)


@contextmanager
def _writing() -> Iterator[None]:
    """Turn what the libraries say of a disk into a failure of the store: what is written here they can hold."""
    try:
        with _quiet():
            yield
    except (
        require("rasterio.errors").RasterioError,
        require("rasterio._err").CPLE_BaseError,  # GDAL's own, which rasterio does not always translate
        require("sqlalchemy.exc").DBAPIError,
        require("terracotta.exceptions").InvalidDatabaseError,
    ) as error:
        raise StoreError("the store could not write a result as terracotta", str(error).partition("\n")[0]) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the libraries warn of to themselves: that small maps have no overviews, and the like."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _packed(variable: Any, elements: Elements) -> dict[str, Any]:
    stored = elements.put(values_of(variable))
    data = (
        [str(text) for text in stored.ravel()]
        if elements.stored == STRING
        else base64.b64encode(stored.tobytes()).decode()
    )
    return {"shape": list(variable.shape), "data": data}


def _unpacked(held: Mapping[str, Any], elements: Elements) -> Any:
    import numpy as np

    shape = tuple(held["shape"])
    if elements.stored == STRING:
        return elements.take(np.array([*held["data"], None], object)[:-1].reshape(shape))
    data = np.frombuffer(base64.b64decode(held["data"]), elements.stored).reshape((*shape, *elements.more))
    return elements.take(data).copy()


def _plain(order: Any) -> list[int]:
    return [int(at) for at in order]
