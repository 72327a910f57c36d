"""
Nothing in, the store ``v1`` and what must be found in it out; see README.md.

It was run once.  A store that is there is never written again: it stands for all that users have.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pipeline_v1 as pipeline

import whorl
from whorl import config
from whorl.errors import CorruptEntryError
from whorl.fingerprint.values import hash_value
from whorl.opening import open_place, places
from whorl.store.collect import bury
from whorl.store.local import LocalStore
from whorl.store.pins import pin
from whorl.store.signing import ED25519, HMAC, Key, new_key, write_key

if TYPE_CHECKING:
    from whorl.store.manifest import Manifest

HERE = Path(__file__).parent
STORE, EXPECTED = HERE / "v1", HERE / "v1.json"
RAW = "1 2 3 40\n"


def main() -> None:
    """Make the store in a project of its own, then bring it here."""
    if STORE.exists():
        sys.exit(f"{STORE} is there, and stays as it is")
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "whorl.toml").write_text("provenance = false\n")
        (project / "raw").mkdir()
        (project / "raw/numbers.txt").write_text(RAW)
        os.chdir(project)
        keys = {scheme: new_key(scheme) for scheme in (ED25519, HMAC)}
        with config.options(filesystem=str(project / "store")):
            _compute(project, keys)
            store = open_place(config.settings(), next(iter(places(config.settings()))))
            assert isinstance(store, LocalStore)
            _look_after(store)
            expected = _describe(store, keys)
        for name in ("tmp", "used", "index"):  # of one machine
            shutil.rmtree(project / "store" / name, ignore_errors=True)
        for locks in (project / "store").glob("v1/*/l"):
            shutil.rmtree(locks)
        shutil.copytree(project / "store", STORE)
    EXPECTED.write_text(json.dumps(expected, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _compute(project: Path, keys: dict[str, Key]) -> None:
    for scheme, key in keys.items():
        write_key(key, str(project / scheme))
    for stage in (pipeline.plain, pipeline.table, pipeline.array, pipeline.pickled, pipeline.total, pipeline.removed):
        stage()
    with config.options(sign_with=str(project / ED25519)):
        pipeline.signed()
    with config.options(sign_with=str(project / HMAC)):
        pipeline.shared()
    for number in (1, 2):
        (project / "number.txt").write_text(str(number))
        pipeline.changing.options(recompute=True)()
    try:
        pipeline.failing()
    except ValueError:
        return
    raise AssertionError("it did not fail")


def _look_after(store: LocalStore) -> None:
    """Leave what stores have besides current entries: shared payloads, tombstones, pins, damage, unfinished work."""
    collectable = store.collectable()
    assert collectable is not None
    bury(collectable, pipeline.removed.entries()[0].slot)
    array = pipeline.array.entries()[0]
    pin(collectable, "paper", [array])
    _keep(store, array)
    unfinished = store.begin(array.slot)  # as of a process that was killed between payload and manifest
    unfinished.write("data.npy", b"unfinished" * 5_000)
    target = store.root / "v1/default/o" / unfinished.nonce[:2] / unfinished.nonce
    target.parent.mkdir(exist_ok=True)
    assert unfinished.place is not None
    os.rename(unfinished.place, target)
    damaged = pipeline.plain.options(namespace="elsewhere")
    damaged(number=9)
    path = next((store.root / "v1/elsewhere/m/v1.plain").iterdir())
    path.write_bytes(path.read_bytes()[:-1])
    try:
        whorl_entry = damaged.load(number=9)
    except whorl.NoEntryError:
        return
    raise CorruptEntryError(f"damage was served: {whorl_entry!r}")


def _keep(store: LocalStore, source: Manifest) -> None:
    """Put a payload of several uses under another key, as an upstream with an equal result does."""
    from dataclasses import replace

    key = hash_value("another key")
    store.commit_kept(replace(source, slot=replace(source.slot, key=key)), source)


def _describe(store: LocalStore, keys: dict[str, Key]) -> dict[str, object]:
    """Note what must be found in the store."""
    entries = [
        {
            "namespace": entry.slot.namespace,
            "stage": entry.slot.stage,
            "key": entry.slot.key.hex(),
            "attempt": entry.attempt,
            "format": entry.format,
            "value": None if entry.value_digest is None else entry.value_digest.hex(),
            "files": [[file.name, file.size] for file in entry.files],
            "is_inline": entry.inline is not None,
            "is_signed": entry.signature is not None,
        }
        for entry in sorted(store.entries(), key=lambda entry: (entry.slot.stage, entry.slot.key.hex()))
    ]
    return {
        "entries": entries,
        "generations": [entry.attempt for entry in store.generations(pipeline.changing.entries()[0].slot)],
        "removed": pipeline.removed.key().hex(),
        # Test keys: nothing else was ever signed with them.
        "keys": {ED25519: keys[ED25519].text, HMAC: keys[HMAC].secret.hex()},
    }


if __name__ == "__main__":
    main()
