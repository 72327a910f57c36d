"""Folders and objects as someone hostile would leave them: links, pipes, sizes, versions, repetitions, other keys."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hostile import canary_pickle, tamper, with_files
from object_stores import Kept
from store_examples import child_environment, digest, manifest, slot, store_value, stored_value
from whorl import config, stage
from whorl.errors import CorruptEntryError, StoreError
from whorl.opening import open_place, places
from whorl.store.codec import encode_manifest
from whorl.store.disk import digest_bytes
from whorl.store.local import LocalStore
from whorl.store.manifest import PayloadFile
from whorl.transfer import open_ends, pull, push

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BIG = b"x" * 70_000
CHILD = """
import sys
from pathlib import Path
from store_examples import slot, stored_value
from whorl.errors import StoreError
from whorl.store.local import LocalStore
try:
    store = LocalStore(Path(sys.argv[1]), is_mirror=True)
    print(stored_value(store, slot()), list(store.sources("default", slot().key)), list(store.entries()))
except StoreError as error:
    print("refused", error.message)
"""


@stage(cache=True)
def plain() -> list[int]:
    return [1, 2, 3]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of a store with one entry, of a payload in a file."""
    (tmp_path / "whorl.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("whorl.access._warned", set())
    store_value(LocalStore(tmp_path / "store"), slot(), BIG, content_key=slot().key)
    return tmp_path / "store"


def _places(root: Path) -> dict[str, Path]:
    space = root / "v1/default"
    return {
        "about": root / "WHORL.json",
        "manifest": next(space.glob("m/*/*")),
        "stage": next(space.glob("m/*")),
        "manifests": space / "m",
        "pointer": next(space.glob("c/*/*")),
        "payload": next(space.glob("o/*/*")),
        "file": next(space.glob("o/*/*/value.bin")),
    }


NAMES = ("about", "manifest", "stage", "manifests", "pointer", "payload", "file")


def _secret(folder: Path) -> Path:
    (folder / "secret").write_bytes(b"s3cret" * 20_000)
    return folder / "secret"


LEADS: dict[str, Callable[[Path, Path], None]] = {
    "a pipe": lambda path, _: os.mkfifo(path),
    "a link to a pipe": lambda path, below: (os.mkfifo(below / "pipe"), path.symlink_to(below / "pipe"))[1],
    "an endless device": lambda path, _: path.symlink_to("/dev/zero"),
    "itself": lambda path, _: path.symlink_to(path),
    "a secret": lambda path, below: (
        (below / "secret").write_bytes(b"s3cret" * 20_000),
        path.symlink_to(below / "secret"),
    )[1],
    "a folder": lambda path, _: path.mkdir(),
}


@pytest.mark.skipif(os.name != "posix", reason="makes special files")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lead", LEADS)
def test_whatever_stands_in_an_objects_place_ends(root: Path, tmp_path: Path, name: str, lead: str) -> None:
    """A miss or a clear error within seconds; nothing of what it leads to is shown."""
    path = _places(root)[name]
    path.rename(tmp_path / "before")
    LEADS[lead](path, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(root)],
        env=child_environment(), capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip

    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout.startswith(("None", "refused", "b'xxx"))
    assert "s3cret" not in done.stdout + done.stderr


@pytest.mark.parametrize("header", [b"whorl 2 ", b"whorl 0 ", b"whorl 1000000000 ", b"WHORL 1 ", b"\0" * 8, b""])
def test_a_record_of_another_version_is_a_miss(root: Path, header: bytes) -> None:
    """It is moved aside: another layout has another folder, so it cannot be right here."""
    path = _places(root)["manifest"]
    path.write_bytes(header + path.read_bytes()[len(header) :])

    assert (stored_value(LocalStore(root), slot()) is None) == (header != b"")


@pytest.mark.parametrize(
    "about", ["{", "[]", '{"format": 2}', '{"format": "1"}', '{"format": [1]}', "null", "[" * 50_000]
)
def test_a_store_of_another_version_is_refused(root: Path, about: str) -> None:
    """With its version, before anything else of it is read."""
    (root / "WHORL.json").write_text(about)

    with pytest.raises(StoreError):
        LocalStore(root).lookup(slot())


@pytest.mark.parametrize("size", [0, 1, 69_999, 70_001, 1 << 40, (1 << 62) - 1])
def test_a_stated_size_must_be_the_real_one(root: Path, size: int) -> None:
    """It is compared before anything is allocated."""
    store = LocalStore(root)
    found = store.lookup(slot())
    assert found is not None
    (file,) = found.files
    lying = manifest(files=(PayloadFile(file.name, size, file.digest),), inline=None, payload=found.payload)

    for read in (store.reader(lying).read, store.reader(lying).path):
        with pytest.raises(CorruptEntryError):
            read(file.name)


def test_files_stated_twice_are_refused() -> None:
    """One of them would be checked, and the other one read."""
    file = PayloadFile("a", 1, digest("a"))
    from whorl.store.codec import decode_manifest

    with pytest.raises(CorruptEntryError):
        decode_manifest(encode_manifest(manifest(files=(file, file), inline=None)).data)


# --- the same behind a network ------------------------------------------------------------------------------------


def _remote(tmp_path: Path, name: str) -> dict[str, object]:
    return {"filesystem": f"memory://hostile-{os.getpid()}-{name}-{tmp_path.name}"}


def _record(settings: dict[str, object]) -> tuple[Any, str]:
    """Give the objects of a shared root, and the name of its one manifest."""
    with config.options(**settings):
        store = open_place(config.settings(), next(iter(places(config.settings()))))
    objects = store.objects  # type: ignore[attr-defined]
    return objects, next(item.name for item in objects.below("v1/default/m"))


@pytest.mark.parametrize("what", ["another key", "cut", "large", "noise", "deep"])
def test_hostile_records_behind_a_network_are_misses(tmp_path: Path, root: Path, what: str) -> None:
    """Whatever the object says, the value is computed, and replaces it."""
    settings = _remote(tmp_path, what.replace(" ", "-"))
    with config.options(**settings):
        assert plain() == [1, 2, 3]
        objects, name = _record(settings)
        data = objects.read(name, 1 << 20).data
        records = {
            "another key": encode_manifest(manifest()).data,
            "cut": data[:-1],
            "large": data + b"x" * (8 << 20),
            "noise": os.urandom(5_000),
            "deep": data[:400] + b"[" * 30_000,
        }
        objects.put(name, records[what])
        assert plain() == [1, 2, 3]
        assert plain.last.kind == "ran"
        assert plain() == [1, 2, 3]
        assert plain.last.kind == "hit"


def test_names_of_objects_are_no_paths(tmp_path: Path, root: Path) -> None:
    """What an object is called leads nowhere on this machine, whoever lists, pulls or verifies the root."""
    settings = _remote(tmp_path, "names")
    with config.options(**settings):
        plain()
        objects, name = _record(settings)
        data = objects.read(name, 1 << 20).data
        for hostile in ("v1/default/m/../../../../escaped/x", "v1/../../escaped", "v1/default/m/stage/../../x"):
            objects.put(hostile, data)
    with config.options(**settings, local=str(tmp_path / "near")):
        pull(open_ends(config.settings()), lambda _: True)
        push(open_ends(config.settings()), lambda _: True)
    inside = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}

    assert not any("escaped" in path for path in inside)
    assert not os.path.lexists(tmp_path.parent / "escaped")


def test_a_kept_payload_is_not_taken_from_another_attempt(tmp_path: Path) -> None:
    """An entry that names someone else's payload with other digests is damaged, and does no harm to that payload."""
    kept = Kept(LocalStore(tmp_path / "store"))
    kept.put(slot("one"), BIG)
    victim = kept.store.lookup(slot("one"))
    assert victim is not None
    store_value(kept.store, slot("two"), b"y" * 70_000)
    path = kept.store.root / f"v1/default/m/pipeline.clean/{slot('two').key.hex()}"
    lying = manifest(
        slot("two"), payload=victim.payload, files=(PayloadFile("value.bin", 70_000, digest("lie")),), inline=None
    )
    path.write_bytes(encode_manifest(lying).data)
    found = LocalStore(kept.store.root).lookup(slot("two"))
    assert found is not None
    with pytest.raises(CorruptEntryError):
        kept.store.reader(found).read("value.bin")
    kept.store.quarantine(found, "its digest does not agree")

    assert kept.value(slot("one")) == BIG


@pytest.mark.filterwarnings("ignore::whorl.errors.StoreWarning")
def test_a_hostile_mirror_that_claims_every_format_runs_nothing(tmp_path: Path, root: Path) -> None:
    """Formats that do not exist, names like paths, and the name of pickle in other letters."""
    mirror = tmp_path / "mirror"
    for name in ("nothing", "../pickle", "Pickle", "pickle ", "whorl.formats.pickle", "os", "\0", ""):
        with config.options(filesystem=str(mirror)):
            plain()
        tamper(mirror, lambda entry, name=name: _as_format(entry, name, tmp_path / "song"))
        with config.options(filesystem=str(tmp_path / f"own-{len(name)}"), mirrors={"m": {"filesystem": str(mirror)}}):
            assert plain() == [1, 2, 3]
        assert not (tmp_path / "song").exists(), name


def _as_format(entry: Any, name: str, song: Path) -> Any:
    from dataclasses import replace

    return replace(with_files(entry, canary_pickle(song)), format=name)


ZEROS = b"0" * 64
TREES = (
    *(
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 50_000,
        b'{"name":1}',
        b'{"name":"x","digest":"zz"}',
        b'{"name":"x","digest":7}',
    ),
    b'{"name":"x","digest":"' + ZEROS + b'","children":5}',
    b'{"name":"\\u001b]0;owned\\u0007","digest":"' + ZEROS + b'","text":"\\u001b[2J"}',
)


@pytest.mark.parametrize("tree", TREES, ids=range(len(TREES)))
def test_a_hostile_tree_explains_nothing_and_breaks_nothing(tmp_path: Path, root: Path, tree: bytes) -> None:
    """What a store says of the code of an entry is only shown, without what commands a terminal."""
    (tmp_path / "told.py").write_text("from whorl import stage\n\n@stage(cache=True)\ndef told():\n    return 1\n")
    environment = {**child_environment(), "WHORL_FILESYSTEM": str(root)}

    def whorl(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "whorl", *words, "told.py"],
            env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    whorl("run")
    (path,) = (root / "v1/default/f").iterdir()
    path.write_bytes(digest_bytes(tree).hex().encode() + b"\n" + tree)
    (tmp_path / "told.py").write_text("from whorl import stage\n\n@stage(cache=True)\ndef told():\n    return 2\n")
    said = whorl("why") + whorl("run")

    assert "Traceback" not in said
    assert "told" in said
    assert not {"\x1b", "\x07"} & set(said)
