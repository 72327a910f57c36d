"""Files and folders that a stage returns by their path: copied as they are, and never led astray by a name."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.payload import FolderPayload, new_payload
from store_examples import child_environment, manifest, slot
from whorl import File, Folder, stage
from whorl.errors import CorruptEntryError, FormatError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import candidates, digests_stored, format_named, main_file, runs_code
from whorl.formats.schema.stored_path import StoredPath
from whorl.store.local import LocalStore
from whorl.store.objects.memory import MemoryObjects
from whorl.store.remote.store import RemoteStore
from whorl.store.temporary import Temporary

FILE = format_named("file")
NAMES = ["model.bin", "a b.txt", "ü 日本.txt", "A", "a", "sub/refs", "sub/side/x", "~x", "-rf", "CON", "." + "h" * 200]


def tree(folder: Path) -> dict[str, bytes | None]:
    """Read everything below a folder; a folder is None."""
    found = folder.rglob("*")
    return {str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes() for path in found}


def made(folder: Path, names: list[str], empty: tuple[str, ...] = ()) -> Path:
    """Make a folder with files of these names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    for name in empty:
        (folder / name).mkdir(parents=True)
    return folder


def stored(store: LocalStore | RemoteStore, value: Path) -> Path:
    """Store what a path leads to, and give the path that comes back."""
    attempt = store.begin(slot())
    FILE.encode(value, attempt, {})
    found = store.commit(attempt, manifest(slot(), format="file", type="", expires=None), replace=lambda _: True)
    attempt.abandon()
    decoded = FILE.decode(store.reader(found), {})
    assert isinstance(decoded, Path)
    return decoded


def remote(tmp_path: Path) -> RemoteStore:
    """Open a store that keeps nothing on this machine."""
    return RemoteStore(MemoryObjects(f"memory://{tmp_path.name}"), Temporary(str(tmp_path / "tmp"), lambda: None))


@pytest.mark.parametrize("kind", ["local", "remote"])
@pytest.mark.parametrize("name", [name for name in NAMES if "/" not in name])
def test_a_file_comes_back_with_its_name_and_its_bytes(name: str, kind: str, tmp_path: Path) -> None:
    """Whatever it is called, and wherever the store is; it counts as the file that was given."""
    source = made(tmp_path / "work", [name]) / name
    store = LocalStore(tmp_path / "store") if kind == "local" else remote(tmp_path)
    found = stored(store, source)

    assert (found.name, found.read_bytes()) == (name, name.encode())
    assert hash_value(found) == hash_value(StoredPath(source))
    assert not os.stat(found).st_mode & 0o222
    source.write_bytes(b"changed")
    assert found.read_bytes() == name.encode()


@pytest.mark.parametrize("kind", ["local", "remote"])
@pytest.mark.parametrize("names", [["a", "sub/b.txt"], NAMES, []], ids=["plain", "odd", "none"])
def test_a_folder_comes_back_with_all_that_is_below_it(kind: str, names: list[str], tmp_path: Path) -> None:
    """Empty folders too."""
    source = (
        made(tmp_path / "out", names, ("empty", "sub2/empty"))
        if names != ["a", "sub/b.txt"]
        else made(tmp_path / "out", names)
    )
    store = LocalStore(tmp_path / "store") if kind == "local" else remote(tmp_path)
    found = stored(store, source)

    assert found.name == "out"
    assert tree(found) == tree(source)
    assert hash_value(found) == hash_value(StoredPath(source))


def test_a_path_of_a_local_store_leads_into_it(tmp_path: Path) -> None:
    """No second copy is made; a hit in another process finds the same file."""
    source = made(tmp_path / "work", ["model.bin"]) / "model.bin"
    found = stored(LocalStore(tmp_path / "store"), source)

    assert tmp_path / "store" in found.parents
    again = LocalStore(tmp_path / "store").lookup(slot())
    assert again is not None
    assert FILE.decode(LocalStore(tmp_path / "store").reader(again), {}) == found


def test_a_copy_goes_when_the_process_ends_and_not_before(tmp_path: Path) -> None:
    """The reader that it was fetched through is gone long before."""
    made(tmp_path / "work", ["model.bin"])
    code = """
import sys, gc
from pathlib import Path
import test_format_file as t
found = t.stored(t.remote(Path(sys.argv[1])), Path(sys.argv[1]) / "work" / "model.bin")
gc.collect()
print(found, found.read_text())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, env=child_environment()
    )
    place, text = done.stdout.split()

    assert text == "model.bin"
    assert not Path(place).parent.exists()


@pytest.mark.parametrize("damage", ["changed", "added", "removed"])
def test_damage_to_a_stored_folder_is_found_at_the_next_hit(damage: str, tmp_path: Path) -> None:
    """Also a file that nobody listed: it would be part of the value."""
    store = LocalStore(tmp_path / "store")
    found = stored(store, made(tmp_path / "out", ["a", "sub/b"]))
    if damage == "changed":
        (found / "a").chmod(0o600)
        (found / "a").write_bytes(b"b")
    elif damage == "added":
        (found / "sub" / "c").write_bytes(b"c")
    else:
        (found / "a").unlink()
    entry = store.lookup(slot())
    assert entry is not None

    with pytest.raises(CorruptEntryError):
        FILE.decode(store.reader(entry), {})


def test_what_is_made_from_a_stored_path_is_a_path_like_any_other(tmp_path: Path) -> None:
    """Only the path itself stands for its content; pickled it is the same."""
    source = StoredPath(made(tmp_path / "out", ["a"]))

    assert {type(each) for each in (source / "a", source.parent, source.with_name("x"))} == {type(Path())}
    assert type(pickle.loads(pickle.dumps(source))) is StoredPath
    assert hash_value(source) != hash_value(Path(source))
    assert source == Path(source)


def test_a_stored_path_counts_by_name_and_content(tmp_path: Path) -> None:
    """Not by where it is: as File and Folder do."""
    one, other = made(tmp_path / "1" / "out", ["a"]), made(tmp_path / "2" / "out", ["a"])
    renamed, changed = made(tmp_path / "3" / "in", ["a"]), made(tmp_path / "4" / "out", ["b"])
    digests = [hash_value(StoredPath(each)) for each in (one, other, renamed, changed)]

    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
    assert hash_value(File(one / "a")) == hash_value(File(other / "a"))
    assert hash_value(Folder(one)) == hash_value(Folder(other))


@pytest.mark.parametrize("what", ["link", "link inside", "pipe", "nothing", "text"])
def test_what_is_no_file_or_folder_is_refused(what: str, tmp_path: Path) -> None:
    """A link would lead out of the value, or back to what may be gone."""
    folder = made(tmp_path / "out", ["a"])
    (tmp_path / "link").symlink_to(folder / "a")
    value: object = {"link": tmp_path / "link", "nothing": tmp_path / "no", "text": str(folder)}.get(what, folder)
    if what == "link inside":
        (folder / "b").symlink_to("a")
    if what == "pipe":
        os.mkfifo(folder / "pipe")

    with pytest.raises(FormatError, match="the format file cannot hold this"):
        FILE.encode(value, new_payload(tmp_path), {})


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../out"},
        {"name": ".."},
        {"files": {"out/../../x": "content/out/a"}},
        {"files": {"/x": "content/out/a"}},
        {"files": {"other/a": "content/out/a"}},
        {"files": {"out/a": "content/out/b"}},
        {"files": {}},
        {"folders": ["out", "out/../../y"]},
        {"folders": ["out", "out\\..\\y"]},
    ],
    ids=str,
)
def test_a_description_that_leads_elsewhere_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    """It may come from someone hostile; nothing is written for it."""
    payload = new_payload(tmp_path)
    FILE.encode(made(tmp_path / "out", ["a"]), payload, {})
    described = {**json.loads(payload.read("file.json")), **change}
    payload.write("file.json", json.dumps(described).encode())
    before = set(tmp_path.parent.rglob("*"))

    for reader in (payload, Fetched(payload.folder)):
        with pytest.raises(CorruptEntryError):
            FILE.decode(reader, {})
    assert set(tmp_path.parent.rglob("*")) == before


class Fetched(FolderPayload):
    """A payload whose files are there for the time of decoding."""

    @property
    def stays(self) -> bool:
        return False


def test_the_main_file_of_a_payload_is_what_was_stored(tmp_path: Path) -> None:
    """The file itself, or the folder; of other formats the one file that ends as theirs do."""
    payload, folder = new_payload(tmp_path), new_payload(tmp_path)
    FILE.encode(made(tmp_path / "out", ["a b"]) / "a b", payload, {})
    FILE.encode(tmp_path / "out", folder, {})

    assert main_file(FILE, payload.names, payload.read) == "content/0"
    assert main_file(FILE, folder.names, folder.read) == "content/out"
    assert main_file(format_named("parquet"), ("data.parquet",), payload.read) == "data.parquet"
    assert main_file(format_named("zarr"), ("v/c/0", "zarr.json"), payload.read) == ""


def test_a_path_is_stored_as_its_text_unless_the_stage_says_file(tmp_path: Path) -> None:
    """A stored path, which stands for its content, is stored as a file again."""
    assert candidates(tmp_path)[0].name == "json"
    assert candidates(StoredPath(tmp_path))[0].name == "file"
    assert digests_stored(FILE)
    assert not digests_stored(format_named("json"))
    assert not runs_code("file")


@stage(cache=True, format="file")
def written(text: str, folder: str) -> Path:
    """Write a file."""
    path = Path(folder, "result.txt")
    path.write_text(text)
    return path


def test_a_stage_gives_the_stored_file_on_a_miss_as_on_a_hit(whorl_store: Path, tmp_path: Path) -> None:
    """What becomes of the file that it wrote is nobody's business then."""
    first = written("one", str(tmp_path))
    (tmp_path / "result.txt").unlink()
    second = written("one", str(tmp_path))

    assert first == second
    assert second.read_text() == "one"
    assert second.name == "result.txt"
    assert hash_value(first) == hash_value(second)
