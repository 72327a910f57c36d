"""
A frame, a series or an Arrow table comes in, an HDF5 file and a schema beside it go out, and back, exactly.

===================  ==============================================================================================
DataFrame, Series    kept, through the schema: dtypes, labels, index, names, ``attrs``; dates and bytes as text
pyarrow.Table        kept, where each column has a type that text can hold
polars               frames, also lazy ones, which are collected
integers with gaps   refused
refused              tables without rows or columns, objects of several types, nested and unequal values
===================  ==============================================================================================

PyTables reads attributes by unpickling them, so that decoding may run code: the rules for pickles hold.  What was
written is read again and compared.  There are no options.  Values own the memory they are read into.  The file is made
in memory, where it stands twice for a moment beside the frame: for what is nearly as large as that there is parquet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whorl.formats.schema.leaves import PlainColumns, marked_frame
from whorl.formats.schema.loss import require

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from whorl.formats.base import Format


def _write(leaves: pa.Table, path: Path) -> None:
    require("tables")
    import pandas as pd

    frame = marked_frame(leaves)
    frame.columns = range(frame.shape[1])
    # In memory first: of a full disk its library raises what is no OSError, and leaves the file open.
    with pd.HDFStore(str(path), mode="w", driver="H5FD_CORE", driver_core_backing_store=0) as file:
        file.put("data", frame, format="table", track_times=False)
        image = file.root._v_file.get_file_image()  # noqa: SLF001 - its library's way of public names
    path.write_bytes(image)


def _read(path: Path, _: int) -> Any:
    import pandas as pd

    return pd.read_hdf(path, key="data")


FORMAT: Format = PlainColumns("hdf", ".h5", _write, _read, runs_code=True)
