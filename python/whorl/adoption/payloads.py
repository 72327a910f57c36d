"""
A file or folder that another tool wrote in, its value out, or why it cannot be had as it was.

=================  ======================================================================================
parquet, feather   as pandas reads them, by its own note of index and types; refused where these are in doubt
pickle             if pickles are allowed: loading one runs code
zarr               if losses are allowed, lazily, as Nuthatch opens it: variables are in the order of their names
delta              if losses are allowed: the index is a column, some types are others
folders of dask    if losses are allowed: the index is not written
csv, json, orc …   if losses are allowed, by pandas; the index that ``to_csv`` wrote is the index again
=================  ======================================================================================

Nothing is written, and nothing outside of the cache is read.  Beside the arrow: in place of *compute*.
"""

from __future__ import annotations

import os
import pickle
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from whorl.adoption.frames import doubts_of_frame
from whorl.adoption.grids import check_codecs, is_array
from whorl.adoption.offers import UnfitError, worded

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.adoption.offers import Allowed

_PICKLE = "it is a pickle, and loading one runs what its writer chose: --pickles"


def read_payload(path: str, kind: str, allowed: Allowed, returns: str = "") -> object:
    """
    Read what lies at a path; ``UnfitError`` where that is not allowed or not possible.

    ``returns`` is what the stage says it returns, for a zarr that may be either a Dataset or a DataArray.
    """
    if kind not in _READERS:
        raise UnfitError(f"a file of {kind} is not adopted")
    reader, loss = _READERS[kind]
    if kind in ("pickle", "pkl") and not allowed.pickles:
        raise UnfitError(_PICKLE)
    if loss and not allowed.lossy:
        raise UnfitError(f"{loss}; --lossy takes it as it is read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries, about files that they themselves wrote
            return reader(path, allowed, returns)
    except UnfitError:
        raise
    except ModuleNotFoundError as error:
        raise UnfitError(f"it cannot be read without {error.name}") from error
    except Exception as error:
        raise UnfitError(f"it cannot be read: {worded(error)}") from error


def loses(kind: str) -> bool:
    """Whether files of a kind do not keep types or index, so that what was computed from one may differ."""
    return kind not in _READERS or bool(_READERS[kind][1])


def _parquet(path: str, allowed: Allowed, _returns: str) -> object:
    """Read one file of pandas, or a folder of dask."""
    if os.path.isdir(path):
        if not allowed.lossy:
            raise UnfitError("a folder of dask has no index any more; --lossy takes it as it is read")
        import dask.dataframe as dd

        return dd.read_parquet(path, engine="pyarrow", ignore_metadata_file=True)
    import pandas as pd
    import pyarrow.parquet as pq

    with open(path, "rb") as file:  # of a path, names such as a=1 would become columns
        return _checked(pd.read_parquet(file, engine="pyarrow"), pq.read_schema(path), allowed)


def _feather(path: str, allowed: Allowed, _returns: str) -> object:
    import pandas as pd
    import pyarrow as pa

    with pa.memory_map(path) as file:
        schema = pa.ipc.open_file(file).schema
    return _checked(pd.read_feather(path), schema, allowed)


def _checked(frame: object, schema: Any, allowed: Allowed) -> object:
    """Give a frame of which nothing is in doubt, or losses are allowed."""
    doubts = "" if allowed.lossy else doubts_of_frame(frame, schema)
    if doubts:
        raise UnfitError(f"{doubts}; --lossy takes it as it is read")
    return frame


def _zarr(path: str, _allowed: Allowed, returns: str) -> object:
    """Open a zarr lazily, as Nuthatch does."""
    import xarray as xr

    check_codecs(path)
    opened: Callable[..., object] = xr.open_dataarray if is_array(path, returns) else xr.open_dataset
    chunks: Any = {} if find_spec("dask") else None
    return opened(path, engine="zarr", chunks=chunks, decode_timedelta=True)


def _pickle(path: str, _allowed: Allowed, _returns: str) -> object:
    with open(path, "rb") as file:
        return pickle.load(file)  # noqa: S301 - the user allowed it by --pickles


def _delta(path: str, _allowed: Allowed, _returns: str) -> object:
    value: object = read_table(path).to_pandas()
    return value


def read_table(path: str) -> Any:
    """Read a table of delta whose files all lie in its folder."""
    from deltalake import DeltaTable

    table = DeltaTable(path)
    folder = os.path.realpath(path) + os.sep
    for uri in table.file_uris():
        if not os.path.realpath(uri.removeprefix("file://")).startswith(folder):
            raise UnfitError("it names files outside of its folder")
    return table.to_pyarrow_dataset().to_table()


def _csv(path: str, _allowed: Allowed, _returns: str) -> object:
    """Read what ``to_csv`` wrote: its first column is the index."""
    import pandas as pd

    frame = pd.read_csv(path, index_col=0, float_precision="round_trip")
    if frame.index.name is None and list(frame.index) == list(range(len(frame))):
        frame.index = pd.RangeIndex(len(frame))
    return frame


def _by_pandas(name: str) -> Callable[[str, Allowed, str], object]:
    def read(path: str, _allowed: Allowed, _returns: str) -> object:
        import pandas as pd

        value: object = getattr(pd, f"read_{name}")(path)
        return value

    return read


_TEXT = "a {} file does not keep index and types"
# By the ending of a file or the name of a backend: how it is read, and what it may have lost.
_READERS: dict[str, tuple[Callable[[str, Allowed, str], object], str]] = {
    "parquet": (_parquet, ""),
    "feather": (_feather, ""),
    "zarr": (_zarr, "a zarr keeps neither the order of variables, nor frequencies of dates, nor what was a DataArray"),
    "pickle": (_pickle, ""),
    "pkl": (_pickle, ""),
    "delta": (_delta, "Nuthatch's delta keeps an index as a column, and changes types"),
    "csv": (_csv, _TEXT.format("csv")),
    **{name: (_by_pandas(name), _TEXT.format(name)) for name in ("json", "orc", "stata", "xml")},
}
