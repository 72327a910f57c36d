"""A value comes in, by ADBC or by SQLAlchemy as a test says, a payload of the format sql goes out, and back."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from contracts.payload import FolderPayload, new_payload
from whorl.formats.base import format_named
from whorl.formats.schema import adbc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SQL = format_named("sql")
WAYS = (True, False)


@contextmanager
def going(*, by_adbc: bool) -> Iterator[None]:
    """Have rows, however few, go by ADBC or by SQLAlchemy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adbc, "LEAST", 0 if by_adbc else sys.maxsize)
        yield


def written(value: object, folder: Path, options: dict[str, str], *, by_adbc: bool) -> FolderPayload:
    """Encode a value."""
    payload = new_payload(folder)
    with going(by_adbc=by_adbc):
        SQL.encode(value, payload, options)
    return payload


def read(payload: FolderPayload, options: dict[str, str], *, by_adbc: bool) -> Any:
    """Decode a value."""
    with going(by_adbc=by_adbc):
        return SQL.decode(payload, options)
