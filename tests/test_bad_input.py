"""What bad input gets: each case of misuse and misfortune, and the message or the care that answers it."""

from __future__ import annotations

import io
import os
import threading
import warnings
from pathlib import Path

import pytest

from whorl import (
    ConfigError,
    File,
    Folder,
    FormatError,
    Glob,
    InputMissingError,
    StoreWarning,
    UndigestableError,
    observe,
    stage,
)


@pytest.fixture(autouse=True)
def store(whorl_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder with a store of its own."""
    monkeypatch.chdir(tmp_path)
    return whorl_store


def read(raw: object) -> str:
    """Read one file."""
    return Path(str(raw)).read_text()


@pytest.mark.parametrize(
    "given",
    ["none.csv", Path("none.csv"), File("none.csv"), Folder("none"), "none/*.csv", Glob("*.none"), "memory://none.csv"],
    ids=str,
)
def test_a_missing_raw_input_names_stage_and_path(given: object) -> None:
    """A file, a folder, a glob without a match, an object that is not there."""
    broken = stage(raw=given, cache=True, name="broken_stage")(read)
    with pytest.raises(InputMissingError, match="broken_stage") as raised:
        broken()

    assert "none" in str(raised.value)
    assert isinstance(raised.value, FileNotFoundError)


def test_a_missing_raw_input_of_an_upstream_names_the_upstream() -> None:
    """The stage whose declaration has to be mended is the one that is named."""
    source = stage(raw="none.csv", cache=True, name="source_stage")(read)

    @stage(text=source, cache=True)
    def below(text: str) -> str:
        return text

    with pytest.raises(InputMissingError, match=r"source_stage(.|\n)*none\.csv|none\.csv(.|\n)*source_stage"):
        below()


def test_a_folder_where_a_file_was_meant_is_an_error() -> None:
    """And the other way round; the message says which it is."""
    Path("folder").mkdir()
    Path("file").write_text("")
    with pytest.raises(InputMissingError, match="folder"):
        stage(raw=File("folder"), cache=True, name="wants a file")(read)()
    with pytest.raises(InputMissingError, match="file"):
        stage(raw=Folder("file"), cache=True, name="wants a folder")(read)()


def test_an_argument_that_cannot_be_digested_names_the_path_inside_it() -> None:
    """Never a constant, never a random value."""

    class Model:
        def __init__(self) -> None:
            self.lock = threading.Lock()

    class Config:
        def __init__(self) -> None:
            self.model = Model()

    @stage(cache=True)
    def train(config: object) -> int:
        return 1

    with pytest.raises(UndigestableError, match=r"args/config\.model\.lock") as raised:
        train(Config())
    assert isinstance(raised.value, TypeError)
    with pytest.raises(UndigestableError, match="args/config"):
        train({"deep": [iter([1])]})
    with pytest.raises(UndigestableError, match="args/config"):
        train(config=(x for x in [1]))


def test_an_unknown_format_is_an_error_with_a_suggestion() -> None:
    """At the latest when the value is to be stored, with the value that was computed."""
    with pytest.raises(FormatError, match="did you mean 'parquet'"):
        stage(cache=True, format="parket", name="with parket")(lambda: 1)()


@pytest.mark.parametrize("form", ["csv", "parquet", "feather", "json"])
def test_a_format_that_cannot_hold_the_value_gives_the_value_with_the_error(form: str) -> None:
    """Hours of computing are not lost with the error, and nothing wrong is stored."""
    import pandas as pd

    frame = pd.DataFrame({"x": [{1}, object]})

    @stage(cache=True, format=form)
    def table() -> pd.DataFrame:
        return frame

    with pytest.raises(FormatError) as raised:
        table()

    assert isinstance(raised.value.value, pd.DataFrame)
    assert raised.value.value["x"].tolist() == [{1}, object]
    assert list(table.entries()) == []


@pytest.mark.parametrize("form", ["parquet", "json", "npy"])
def test_a_format_made_for_other_values_says_so(form: str) -> None:
    """A function of a value that no table can hold."""

    @stage(cache=True, format=form)
    def made() -> object:
        return io.StringIO

    with pytest.raises(FormatError) as raised:
        made()

    assert raised.value.value is io.StringIO
    assert form in str(raised.value)


def test_a_result_that_no_format_holds_gives_the_value_with_the_error() -> None:
    """A lock cannot be pickled; the error says so and carries it."""

    @stage(cache=True)
    def made() -> object:
        return threading.Lock()

    with pytest.raises(FormatError) as raised:
        made()

    assert raised.value.value is not None


def entry_files(store: Path, folder: str) -> list[Path]:
    """Give the files below one folder of the default namespace."""
    return [path for path in (store / "v1" / "default" / folder).rglob("*") if path.is_file()]


@pytest.mark.parametrize("folder", ["m", "o"])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "emptied", "zeroed"])
def test_a_damaged_entry_is_a_miss_and_heals(
    store: Path, caplog: pytest.LogCaptureFixture, folder: str, damage: str
) -> None:
    """A bit flipped in a manifest or a payload is found, logged, computed anew and stored again."""

    @stage(cache=True)
    def made() -> bytes:
        return bytes(range(256)) * 1000

    expected = made()
    files = entry_files(store, folder)
    for path in files:
        content = path.read_bytes()
        middle = len(content) // 2
        damaged = {
            "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :] if content else b"x",
            "truncated": content[:middle],
            "emptied": b"",
            "zeroed": bytes(len(content)),
        }[damage]
        path.chmod(0o600)
        path.write_bytes(damaged)
    with observe() as outcomes:
        values = [made(), made()]

    assert files
    assert values == [expected, expected]
    assert [outcome.kind for outcome in outcomes] == ["ran", "hit"]
    assert any(record.name.startswith("whorl") and record.levelname == "WARNING" for record in caplog.records)


def test_a_payload_that_is_gone_is_a_miss(store: Path) -> None:
    """Whatever removed it."""

    @stage(cache=True)
    def made() -> bytes:
        return bytes(100_000)

    made()
    for path in entry_files(store, "o"):
        path.unlink()
    with observe() as outcomes:
        made()
        made()

    assert [outcome.kind for outcome in outcomes] == ["ran", "hit"]


def make_read_only(folder: Path) -> None:
    """Take the right to write from everything below a folder."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o500 if path.is_dir() else 0o400)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; test_full_and_read_only_disks has this case")
def test_a_store_without_permission_costs_one_warning(store: Path) -> None:
    """The value is computed and returned; hits are still served."""

    @stage(cache=True)
    def made(x: int) -> int:
        return x

    made(1)
    make_read_only(store)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        values = [made(1), made(2), made(3)]

    assert values == [1, 2, 3]
    assert [warning.category for warning in seen] == [StoreWarning]


def test_a_store_that_is_a_file_costs_a_warning(tmp_path: Path) -> None:
    """Nothing can be stored there; the value comes all the same."""
    from whorl import options

    (tmp_path / "not a folder").write_text("")

    @stage(cache=True)
    def made(x: int) -> int:
        return x

    with options(filesystem=str(tmp_path / "not a folder")), pytest.warns(StoreWarning):
        values = [made(1), made(2)]

    assert values == [1, 2]


def test_an_unknown_option_of_the_decorator_is_taken_for_an_input_and_refused() -> None:
    """A misspelt `cache=` must not be swallowed."""
    with pytest.raises(ConfigError, match="cahce"):

        @stage(cahce=True)
        def f() -> int:
            return 1


@pytest.mark.parametrize("options", [{"cache": "yes"}, {"jobs": 0}, {"env": 5}, {"track_code": "maybe"}, {"format": 7}])
def test_an_option_out_of_range_is_an_error_at_decoration(options: dict[str, object]) -> None:
    """With the name of the option."""
    with pytest.raises(ConfigError, match=next(iter(options))):
        stage(**options)(lambda: 1)


def test_a_class_is_no_stage() -> None:
    """Only functions are."""
    with pytest.raises(ConfigError):
        stage(cache=True)(dict)
