"""
The name of a built-in format in, the options that it takes out, and what is wrong with one that somebody gave.

Settings, which know no format, and formats read one table: what is misspelled in a file is an error where the file is
read, not a refusal when a value is written.  Beside the arrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OPTIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("arrow", "delta", "excel", "file", "hdf", "html", "json", "npy", "orc", "pickle", "stata"), ()),
    "csv": ("delimiter",),
    "feather": ("compression",),
    "netcdf": ("compression",),
    "parquet": (
        "column_encoding",
        "compression",
        "compression_level",
        "data_page_size",
        "data_page_version",
        "dictionary_pagesize_limit",
        "max_rows_per_page",
        "row_group_size",
        "sorting_columns",
        "split_by",
        "store_decimal_as_integer",
        "use_byte_stream_split",
        "use_dictionary",
        "version",
        "write_batch_size",
        "write_page_checksum",
        "write_page_index",
        "write_statistics",
    ),
    "sql": (
        *("url", "write_url"),
        *("driver", "host", "port", "database", "user", "password", "write_user", "write_password"),
        *("username", "write_username"),  # as Nuthatch has them
    ),
    "terracotta": ("latitude_dimension", "longitude_dimension", "override_path"),
    "xml": (),
    "zarr": (
        "chunks",
        "chunking",
        "chunk_by_arg",
        "auto_rechunk",
        "target_read_chunk_size_mb",
        "chunk_size_upper_limit_mb",
        "chunk_size_lower_limit_mb",
        "split_by",
        "compression",
    ),
}
COMPRESSIONS: Mapping[str, tuple[str, ...]] = {
    "feather": ("lz4", "zstd", "uncompressed"),
    "netcdf": ("none", "zlib"),
    "parquet": ("none", "snappy", "gzip", "brotli", "lz4", "zstd"),
    "zarr": ("zstd", "blosc", "gzip", "none"),
}


def fault_of_name(name: str, option: str, known: Iterable[str]) -> tuple[str, str, str] | None:
    """Say in a sentence, a cause and a tip that a format does not have an option; None where it has."""
    known = tuple(known)
    if option in known:
        return None
    has = f"it has {', '.join(known)}" if known else "it has none"
    return f"the format {name} has no option {option!r}", has, closest(option, known)


def fault_of_value(name: str, option: str, value: object) -> tuple[str, str, str] | None:
    """Say likewise that an option cannot be what it is, where that can be told without a value to write."""
    choices = COMPRESSIONS.get(name, ()) if option == "compression" else ()
    # By columns, and in capitals, as pyarrow has it.
    given = value.lower() if name == "parquet" and isinstance(value, str) else value
    if not choices or given in choices or (name == "parquet" and (value is None or isinstance(value, dict))):
        return None
    what = f"the option {option} of the format {name} cannot be {value!r}"
    return what, f"it is not one of {', '.join(choices)}", closest(str(value), choices)


def closest(name: str, known: Iterable[str]) -> str:
    """Ask whether one of the known names was meant; nothing where none is near."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else ""
