"""A call that asks for ``filepath_only``: where the payload is, for other programs to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import whorl
from whorl import cache, config
from whorl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[None]:
    """Give each test a store of its own."""
    with config.options(filesystem=str(tmp_path / "store")):
        yield


@cache()
def table() -> object:
    import pandas as pd

    return pd.DataFrame({"a": range(10)})


@pytest.mark.parametrize(("backend", "suffix"), [("parquet", ".parquet"), ("csv", ".csv"), ("pickle", ".pickle")])
def test_filepath_only_gives_where_the_payload_is(backend: str, suffix: str) -> None:
    """It ends as the files of the format do, and other programs can read it; computed or found."""
    first = table.options(backend=backend, filepath_only=True)()
    second = table.options(backend=backend, filepath_only=True)()

    assert isinstance(first, str)
    assert first == second
    assert first.endswith(suffix)
    with open(first, "rb") as file:
        assert file.read(4)


def test_filepath_only_of_many_files_is_a_folder_that_others_can_open() -> None:
    """Its name ends as those of the format do."""
    import xarray as xr

    @cache()
    def dataset() -> xr.Dataset:
        return xr.Dataset({"a": ("x", range(10_000))})

    place = dataset.options(filepath_only=True)()

    assert str(place).endswith(".zarr")
    assert xr.open_zarr(str(place))["a"].sum() == 49_995_000


def test_filepath_only_of_what_is_not_stored_is_an_error() -> None:
    """There is no place to give."""
    with pytest.raises(ConfigError, match="is not stored"):
        table.options(cache=False, filepath_only=True)()


@cache(name="big")
def big() -> bytes:
    """Give more than fits into a manifest."""
    return bytes(100_000)


def test_a_damaged_payload_has_no_place() -> None:
    """It is computed again, and the place of the new one is given."""
    place = big.options(filepath_only=True)()
    with open(str(place), "r+b") as file:
        file.write(b"\0" * 16)

    with whorl.observe() as outcomes:
        big.options(filepath_only=True)()

    assert [outcome.stage.rpartition(".")[2] for outcome in outcomes if outcome.kind == "ran"] == ["big"]
