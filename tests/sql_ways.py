"""A value comes in, by ADBC or by SQLAlchemy as a test says, a payload of the format sql goes out, and back."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy

from contracts.payload import FolderPayload, new_payload
from whorl.formats.base import format_named
from whorl.formats.schema import adbc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Postgres

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


def hard_frame() -> pd.DataFrame:
    """Make a frame of what is hard about databases."""
    times = pd.to_datetime(["2020-01-02 03:04:05.678901", None])
    return pd.DataFrame(
        {
            "a": [1, -(2**62)],
            "A": [1.5, np.nan],
            "select": ["x", None],
            "x" * 100: [np.inf, -1.5],
            "odd \N{SNOWMAN} \"'%": ["'; --", "\\ % :x"],
            "d": times,
            "e": times.tz_localize("Asia/Tokyo"),
            "f": pd.Categorical(["x", "y"]),
            "g": pd.to_timedelta([1, 2], unit="s"),
            "h": [True, False],
            "i": pd.array([True, None], dtype="boolean"),
            "whorl_row": [2, 1],
        },
        index=pd.MultiIndex.from_tuples([("p", 1), ("q", 2)], names=["key", None]),
    )


def rows_of_revisions(postgres: Postgres) -> int:
    """Count the tables that the database tells of."""
    engine = sqlalchemy.create_engine(postgres.url())
    with engine.connect() as connection:
        found = connection.execute(sqlalchemy.text("SELECT count(*) FROM whorl_tables")).scalar()
    engine.dispose()
    assert isinstance(found, int)
    return found


def tables_of(postgres: Postgres) -> set[str]:
    """List the tables of a database, but that of the revisions."""
    engine = sqlalchemy.create_engine(postgres.url())
    found = set(sqlalchemy.inspect(engine).get_table_names())
    engine.dispose()
    return found - {"whorl_tables"}
