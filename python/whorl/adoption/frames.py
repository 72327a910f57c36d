"""
A frame that pandas has read and what its file says of the one that was written in, what is in doubt about it out.

pandas writes a note into parquet and feather files: the types of columns, and which of them are the index.  Most comes
back by it; the frequency of dates, gaps in columns of objects and lists do not.  Beside the arrow: part of reading
payloads.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_ZONE = re.compile(r",.*\]")
# A text column was of objects before pandas 3, and is of texts since, whoever computes it.
_TEXTS_ARE_OBJECTS = ("0.", "1.", "2.")


def doubts_of_frame(frame: Any, schema: Any) -> str:
    """Say what may have been otherwise in the frame that was written; empty for nothing."""
    note = (schema.metadata or {}).get(b"pandas")
    if note is None:
        return "pandas did not write it, so that its index and types are in doubt"
    return next(_doubts(frame, json.loads(note)), "")


def _doubts(frame: Any, note: dict[str, Any]) -> Iterator[str]:
    import pandas as pd

    if not len(frame.columns):
        yield "it has no columns"
    levels = [frame.index.get_level_values(place) for place in range(frame.index.nlevels)]
    if any(isinstance(level, (pd.DatetimeIndex, pd.TimedeltaIndex)) for level in levels):
        yield "its index of dates may have had a frequency, which the file does not keep"
    kept = [level for level, place in zip(levels, note["index_columns"], strict=False) if isinstance(place, str)]
    is_older = str(note.get("pandas_version")).startswith(_TEXTS_ARE_OBJECTS)
    series = [*((f"column {label}", column) for label, column in frame.items()), *(("index", level) for level in kept)]
    for (place, values), noted in zip(series, note["columns"], strict=False):
        was, is_ = _noted_type(noted), _type_of(values)
        if was != is_ and not (is_older and (was, is_) == ("object", "str")):
            yield f"the {place} was {was}, and is read as {is_}"
        if is_ == "object" and (values.isna().any() or str(noted["pandas_type"]).startswith("list")):
            yield f"the {place} has objects, of which not all come back"


def _noted_type(noted: dict[str, Any]) -> str:
    """Name the type of a column that was written; a time zone stands elsewhere in the note."""
    return "category" if noted["pandas_type"] == "categorical" else _ZONE.sub("]", str(noted["numpy_type"]))


def _type_of(values: Any) -> str:
    return _ZONE.sub("]", str(values.dtype))
