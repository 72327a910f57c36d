"""Stores that earlier releases wrote (tests/stores): every entry is found, sound and served, and nothing runs."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

import whorl
from whorl import config
from whorl.cli.commands import program
from whorl.digest import Digest
from whorl.fingerprint.values import hash_value
from whorl.formats.base import format_named
from whorl.store.local import LocalStore
from whorl.store.manifest import Manifest, Slot
from whorl.store.pins import pins
from whorl.store.restore import restore
from whorl.store.signing import HMAC, public_key, read_key
from whorl.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

STORES = Path(__file__).parent / "stores"
V1 = json.loads((STORES / "v1.json").read_text(encoding="utf-8"))
ENTRIES = {f"{entry['stage']}-{entry['key'][:8]}": entry for entry in V1["entries"]}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a project with a copy of the store; a checkout knows no modes."""
    shutil.copytree(STORES / "v1", tmp_path / "store", copy_function=shutil.copyfile)
    for folder, _, names in os.walk(tmp_path / "store"):
        Path(folder).chmod(0o700)
        for name in names:
            (Path(folder) / name).chmod(0o600)
    (tmp_path / "whorl.toml").write_text('filesystem = "store"\n')
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/numbers.txt").write_text("1 2 3 40\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(STORES))
    yield tmp_path
    sys.modules.pop("pipeline_v1", None)


@pytest.fixture
def pipeline(project: Path) -> Any:
    """Give the module whose results the store holds."""
    return importlib.import_module("pipeline_v1")


def _slot(entry: dict[str, Any]) -> Slot:
    return Slot(entry["namespace"], entry["stage"], Digest.from_hex(entry["key"]))


def _store(project: Path) -> LocalStore:
    return LocalStore(project / "store", wait_timeout=5)


def _found(project: Path, entry: dict[str, Any]) -> Manifest:
    found = _store(project).lookup(_slot(entry))
    assert found is not None
    return found


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_is_found_by_its_key(project: Path, name: str) -> None:
    """With the attempt, format, files and signature that were noted when it was written."""
    entry = ENTRIES[name]
    found = _found(project, entry)

    assert (found.attempt, found.format) == (entry["attempt"], entry["format"])
    assert [[file.name, file.size] for file in found.files] == entry["files"]
    assert (found.inline is not None, found.signature is not None) == (entry["is_inline"], entry["is_signed"])
    assert found.components
    assert found.provenance["python"]


@pytest.mark.parametrize("name", ENTRIES)
def test_every_value_is_decoded(project: Path, pipeline: Any, name: str) -> None:
    """To the value that was stored, as long as values are digested by the same scheme."""
    entry = ENTRIES[name]
    found = _found(project, entry)
    options = {"types": {"pipeline_v1:Point": pipeline.Point}} if entry["format"] == "json" else {}
    value = format_named(found.format).decode(_store(project).reader(found), options)

    assert hash_value(value).hex() == entry["value"]


def test_the_pipeline_is_answered_without_running(pipeline: Any) -> None:
    """In the mode that never computes, from every kind of payload."""
    with config.options(mode="read_only_strict"):
        kinds = {stage.definition.name: (stage(), stage.last.kind)[1] for stage in pipeline.STAGES}
        value = pipeline.plain()
        total, changed, third = pipeline.total(), pipeline.changing(), pipeline.pickled()

    assert set(kinds.values()) == {"hit"}
    assert value == {"number": 7, "text": "ü\n", "point": pipeline.Point(3, "here"), "none": None, "set": {1, 2}}
    assert (total, changed, third) == (62, 2, Fraction(1, 3))


def test_what_was_removed_or_failed_is_not_there(pipeline: Any) -> None:
    """A tombstone is no entry, and a stage that raised stored nothing."""
    with config.options(mode="read_only_strict"):
        for stage in (pipeline.removed, pipeline.failing):
            with pytest.raises(whorl.NoEntryError):
                stage()


def test_a_changed_raw_file_is_still_seen(project: Path, pipeline: Any) -> None:
    """Old entries answer for what they were made from."""
    (project / "raw/numbers.txt").write_text("1 2 3\n")

    assert pipeline.total() == 22
    assert pipeline.total.last.kind == "ran"


def test_the_signatures_hold(project: Path, pipeline: Any) -> None:
    """Ed25519 by the public key alone, the other by the secret."""
    secret = project / "secret"
    secret.write_text(f"whorl-shared-secret {HMAC} {V1['keys'][HMAC]}\n")
    secret.chmod(0o600)
    keys = [V1["keys"]["ed25519"], str(secret)]
    store = _store(project)
    signatures = {entry.slot.stage: entry.signature for entry in store.entries() if entry.signature is not None}

    assert public_key(keys[0], "v1").checks(signatures["v1.signed"])
    assert read_key(keys[1]).checks(signatures["v1.shared"])
    with config.options(mode="read_only_strict", require_signature=True, pickle="signed", trusted_keys=keys):
        assert pipeline.signed() == Fraction(2, 3)
        assert pipeline.shared() == ["signed", "by", "all"]


def test_it_verifies_clean(project: Path) -> None:
    """Lists, payloads, markers, trees, tombstones and pins; the hints to what was removed or damaged lead nowhere."""
    store = _store(project)
    collectable = store.collectable()
    assert collectable is not None
    verified = verify(store, collectable)

    assert sorted((each.name.split("/")[1:3], each.is_entry) for each in verified.findings) == [
        (["default", "c"], False),
        (["elsewhere", "c"], False),
    ]
    assert verified.entries == len(ENTRIES) + len(V1["generations"])


def test_listings_are_complete(project: Path) -> None:
    """Of the command line, with everything that is not an entry left out."""
    shown = CliRunner().invoke(program, ["ls", "--json"])
    listed = json.loads(shown.stdout)

    assert sorted((entry["stage"], entry["key"]) for entry in listed) == sorted(
        (entry["stage"], entry["key"]) for entry in ENTRIES.values()
    )


def test_what_lies_beside_entries_is_known(project: Path, pipeline: Any) -> None:
    """The generation, the tombstone, which is brought back, the pin, the damaged one and the ledger."""
    store = _store(project)
    collectable = store.collectable()
    assert collectable is not None
    changing = next(entry for entry in ENTRIES.values() if entry["stage"] == "v1.changing")
    removed = restore(store, collectable, Slot("default", "v1.removed", Digest.from_hex(V1["removed"])))

    assert [entry.attempt for entry in store.generations(_slot(changing))] == V1["generations"]
    assert store.reader(removed).read("data.json") == b'"removed"'
    assert list(pins(collectable.objects)) == ["paper"]
    assert store.revision("default", _slot(changing).key) != ""
    assert store.damaged(Slot("elsewhere", "v1.plain", pipeline.plain.key(number=9)))


def test_collecting_keeps_what_answers(project: Path, pipeline: Any) -> None:
    """Leftovers go by the dates of the copy, which are young; entries, pins and generations stay."""
    done = CliRunner().invoke(program, ["gc", "--yes"])
    with config.options(mode="read_only_strict"):
        assert pipeline.array().shape == (60, 100)

    assert done.exit_code == 0, done.output
    assert len(list(_store(project).entries())) == len(ENTRIES)
