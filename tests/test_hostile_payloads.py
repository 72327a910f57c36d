"""Payloads and entries of someone hostile: nothing is run, followed, overwritten or filled up; it is computed."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from contracts.payload import new_payload
from hostile import canary_pickle, peak_memory, tamper, with_files
from store_examples import manifest, slot, store_value
from whorl import config, stage
from whorl.cli.commands import program
from whorl.digest import Digest
from whorl.errors import CorruptEntryError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named
from whorl.outcome import observe
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from pathlib import Path


MIB = 1 << 20
MOST_MEMORY = 200 * MIB


@dataclass
class Point:
    """A class that the stage below refers to."""

    x: int


class Colour(Enum):
    """So is this."""

    RED = 1


@stage(cache=True)
def drawn() -> list[object]:
    """Return instances of both."""
    return [Point(1), Colour.RED]


@stage(cache=True)
def plain() -> list[int]:
    """Return what needs no class."""
    return [1, 2, 3]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of a store that calls are answered from."""
    (tmp_path / "whorl.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("whorl.access._warned", set())
    return tmp_path / "store"


def _kind(root: Path, call: Any) -> str:
    with config.options(filesystem=str(root)), observe() as seen:
        call()
    return seen[-1].kind


# --- entries in the wrong place -----------------------------------------------------------------------------------


def test_an_entry_copied_to_another_key_is_a_miss(tmp_path: Path) -> None:
    """Signed or not: a manifest says which slot it is of."""
    store = LocalStore(tmp_path / "store", wait_timeout=5)
    store_value(store, slot("one"), b"1")
    store_value(store, slot("two"), b"2")
    folder = tmp_path / "store/v1/default/m/pipeline.clean"
    (folder / slot("two").key.hex()).write_bytes((folder / slot("one").key.hex()).read_bytes())

    assert LocalStore(tmp_path / "store").lookup(slot("two")) is None
    assert LocalStore(tmp_path / "store").lookup(slot("one")) is not None


def test_an_entry_replayed_after_a_recomputation_is_a_miss(root: Path) -> None:
    """Its revision is no longer the one in the ledger."""
    assert _kind(root, plain) == "ran"
    path = next(root.glob("v1/default/m/*/*"))
    old, key = path.read_bytes(), Digest.from_hex(path.name)
    LocalStore(root).revise("default", [key])
    assert _kind(root, plain) == "ran"
    path.write_bytes(old)

    assert _kind(root, plain) == "ran"


@pytest.mark.parametrize("what", ["file", "folder", "payload"])
def test_a_link_in_a_payload_is_not_followed(tmp_path: Path, what: str) -> None:
    """Not for reading; and what is written out for a library goes elsewhere."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "value.bin").write_bytes(b"x" * 70_000)
    store = LocalStore(tmp_path / "store", wait_timeout=5)
    attempt = store.begin(slot())
    attempt.write("deep/value.bin", b"x" * 70_000)
    entry = store.commit(attempt, manifest(), replace=lambda _: True)
    folder = tmp_path / f"store/v1/default/o/{entry.payload[:2]}/{entry.payload}"
    if what == "file":
        (folder / "deep/value.bin").unlink()
        (folder / "deep/value.bin").symlink_to(secret / "value.bin")
    elif what == "folder":
        (folder / "deep/value.bin").unlink()
        (folder / "deep").rmdir()
        (folder / "deep").symlink_to(secret)
    if what != "payload":
        for read in (store.reader(entry).read, store.reader(entry).path):
            with pytest.raises(CorruptEntryError):
                read("deep/value.bin")
        return
    small = store_value(store, slot("small"), b"overwritten")
    place = tmp_path / f"store/v1/default/o/{small.payload[:2]}/{small.payload}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(secret)
    written = store.reader(small).path("value.bin")

    assert written.read_bytes() == b"overwritten"
    assert (secret / "value.bin").read_bytes() == b"x" * 70_000


@pytest.mark.skipif(os.name != "posix", reason="makes special files")
def test_neither_a_pipe_nor_a_device_is_read(tmp_path: Path) -> None:
    """It would never end."""
    store = LocalStore(tmp_path / "store", wait_timeout=5)
    entry = store_value(store, slot(), b"x" * 70_000)
    path = tmp_path / f"store/v1/default/o/{entry.payload[:2]}/{entry.payload}/value.bin"
    path.unlink()
    path.symlink_to("/dev/zero")
    for read in (store.reader(entry).read, store.reader(entry).path):
        with pytest.raises(CorruptEntryError):
            read("value.bin")


# --- classes ------------------------------------------------------------------------------------------------------


HOSTILE_NAMES = [
    "os:system",
    "builtins:eval",
    "subprocess:Popen",
    "posix:system",
    "canary_module:Boom",
    "__main__:x",
    "",
]


def test_classes_of_the_stage_come_back(root: Path) -> None:
    """As json, which runs no code: so they can be shared without a signature."""
    assert [_kind(root, drawn), _kind(root, drawn)] == ["ran", "hit"]
    with config.options(filesystem=str(root)):
        value = drawn()
    entry = next(LocalStore(root).entries())

    assert entry.format == "json"
    assert value == [Point(1), Colour.RED]
    assert type(value[0]) is Point


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_class_is_found_by_a_name_in_a_file(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Neither one in the payload nor one in the manifest is imported or made; the value is computed."""
    (tmp_path / "canary_module.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'canary')!r})\nclass Boom: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    _kind(root, drawn)
    payload = json.dumps([{"$": "record", "t": name, "v": {"args": ["id"]}}]).encode()
    options = {"types": {name: name}}

    def change(entry: Any) -> Any:
        return replace(with_files(entry, {"data.json": payload}), format_options=options, type=name.replace(":", "."))

    tamper(root, change)
    assert _kind(root, drawn) == "ran"
    assert "canary_module" not in sys.modules
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", ["json", "npy", "parquet", "arrow", "feather", "csv"])
def test_a_pickle_under_another_formats_name_never_runs(root: Path, tmp_path: Path, name: str) -> None:
    """The policy goes by the format that decodes, so no other format may unpickle."""
    _kind(root, plain)
    data = next(iter(canary_pickle(tmp_path / "canary").values()))
    files = {f"data.{name}": data, "schema.json": data}
    tamper(root, lambda entry: replace(with_files(entry, files), format=name))

    assert _kind(root, plain) == "ran"
    assert not (tmp_path / "canary").exists()


def test_no_arrow_extension_type_is_unpickled(root: Path, tmp_path: Path) -> None:
    """Old pyarrow made types of pickles in a file's metadata (CVE-2023-47248)."""
    import pyarrow as pa

    _kind(root, plain)
    metadata = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": canary_pickle(tmp_path / "canary")["data.pickle"],
    }
    schema = pa.schema([pa.field("x", pa.int64(), metadata=metadata)], metadata={b"whorl": b'{"of": "Series"}'})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, schema) as file:
        file.write_table(pa.table([[1]], schema=schema))
    tamper(root, lambda entry: replace(with_files(entry, {"data.arrow": sink.getvalue()}), format="arrow"))

    assert _kind(root, plain) == "ran"
    assert not (tmp_path / "canary").exists()


def test_an_array_of_objects_is_not_unpickled(root: Path, tmp_path: Path) -> None:
    """Numpy keeps those as a pickle."""
    import numpy as np

    _kind(root, plain)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    data = header.getvalue() + canary_pickle(tmp_path / "canary")["data.pickle"]
    tamper(root, lambda entry: replace(with_files(entry, {"data.npy": data}), format="npy"))

    assert _kind(root, plain) == "ran"
    assert not (tmp_path / "canary").exists()


# --- what is shown ------------------------------------------------------------------------------------------------


def test_names_of_an_entry_do_not_command_a_terminal(root: Path) -> None:
    """A stage of someone else's may be called like an escape sequence."""
    store_value(LocalStore(root), slot("one", stage="\x1b]0;owned\x07\x9b2Jstage\r"), b"1")
    with config.options(filesystem=str(root)):
        shown = CliRunner().invoke(program, ["ls"])

    assert shown.exit_code == 0
    assert "owned" in shown.stdout
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(shown.stdout)


# --- memory -------------------------------------------------------------------------------------------------------


def _header_of(descr: str, shape: str) -> bytes:
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


PAYLOADS: dict[str, tuple[str, bytes]] = {
    "huge shape": ("npy", _header_of("<f8", "(1000000000000,)")),
    "strings of nothing": ("npy", _header_of("|S0", "(1000000000,)")),
    "overflowing shape": ("npy", _header_of("<f8", "(9223372036854775807, 3, 3)")),
    "negative shape": ("npy", _header_of("<f8", "(-1,)")),
    "long header": ("npy", b"\x93NUMPY\x02\x00" + (0xFFFFFFFF).to_bytes(4, "little") + b"{"),
    "deep header": ("npy", b"\x93NUMPY\x02\x00" + (20000).to_bytes(4, "little") + b"(" * 20000),
    "deep json": ("json", b"[" * 30_000),
    "long integer": ("json", b'{"$": "int", "v": "0x' + b"f" * 30_000 + b'"}'),
    "range": ("json", b'{"$": "range", "v": ["0x0", "0xffffffffffff", "0x1"]}'),
    "exponent": ("json", b'{"$": "Decimal", "v": "1e999999999999"}'),
    "cut parquet": ("parquet", b"PAR1" + (0x7FFFFFFF).to_bytes(4, "little") + b"PAR1"),
    "cut arrow": ("arrow", b"ARROW1\0\0" + (0x7FFFFFFF).to_bytes(4, "little") + b"ARROW1"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process")
@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_a_small_payload_takes_little_memory(tmp_path: Path, name: str) -> None:
    """Whatever sizes stand in it: what is allocated is bounded by what is there."""
    chosen, data = PAYLOADS[name]
    (tmp_path / "payload").write_bytes(data)

    assert peak_memory("decode", chosen, str(tmp_path / "payload")) < MOST_MEMORY


SPACIOUS = {
    "parquet": {"compression": "zstd"},
    "feather": {"compression": "zstd"},
    "zarr": {},
    "netcdf": {"compression": "zlib"},
    "terracotta": {},
}


@pytest.mark.parametrize("name", SPACIOUS)
def test_what_a_decompressed_payload_takes_is_not_bounded(tmp_path: Path, name: str) -> None:
    """State the limit: one repeated value is small in a file, and a legitimate value of any length."""
    import numpy as np
    import pandas as pd
    import xarray as xr

    payload, side = new_payload(tmp_path), 600
    value: Any = pd.DataFrame({"x": np.zeros(side * side, "i8")})
    if name not in ("parquet", "feather"):
        degrees = np.arange(side) / 10
        value = xr.Dataset({"x": (("lat", "lon"), np.zeros((side, side), "i8"))}, {"lat": degrees, "lon": degrees})
    format_named(name).encode(value, payload, SPACIOUS[name])

    assert sum(payload.size(file) for file in payload.names) * 25 < 8 * side * side
    assert hash_value(format_named(name).decode(payload, SPACIOUS[name])) == hash_value(value)
