"""Flipped bits and truncation of stored files, through the whole of whorl: found, or the value is the same."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import payload_stages
import whorl
from fault_recorder import number
from fault_rows import FORMATS
from whorl.errors import CorruptEntryError
from whorl.store.codec import INLINE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fault_recorder import Recorder

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


def equal(left: object, right: object) -> bool:
    """Compare two values of one stage."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (pd.DataFrame, xr.Dataset)):
        return left.equals(right)
    return np.array_equal(left, right) if isinstance(left, np.ndarray) else left == right  # type: ignore[arg-type]


class Victim:
    """The stored result of one stage, and what a call gives after its files were damaged."""

    def __init__(self, root: Path, name: str) -> None:
        self.space = root / "v1" / "default"
        self.call: Callable[[], object] = getattr(payload_stages, name)
        self.whole = getattr(payload_stages, name).__wrapped__()
        self.kind()

    def kind(self) -> str:
        """
        Call the stage; give what happened, "wrong" where it is not the value.

        What is read later may be found damaged then: "found".
        """
        with whorl.observe() as outcomes:
            value = self.call()
        (outcome,) = outcomes
        assert outcome.manifest is not None
        self.manifest = outcome.manifest
        try:
            return outcome.kind if equal(value, self.whole) else "wrong"
        except CorruptEntryError:
            return "found"

    def record(self) -> Path:
        """Give the path of the manifest."""
        (path,) = (self.space / "m").rglob(self.manifest.slot.key.hex())
        return path

    def files(self) -> list[Path]:
        """Give the paths of the payload."""
        folder = self.space / "o" / self.manifest.payload[:2] / self.manifest.payload
        return [folder / file.name for file in self.manifest.files]

    def after(self, path: Path, damaged: bytes) -> tuple[str, str]:
        """Damage a file, call the stage, and call it again; give how that ended, and the two kinds of answers."""
        path.write_bytes(damaged)
        kinds = self.kind(), self.kind()
        outcome = {("ran", "hit"): "absent", ("found", "ran"): "absent", ("hit", "hit"): "correct"}.get(kinds, "wrong")
        if path.exists() and path not in (self.record(), *self.files()):
            shutil.rmtree(path.parent)  # nothing names it any more, and thousands would fill the disk
        return outcome, " ".join(kinds)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """Give the folder of a store that is in use."""
    with whorl.options(filesystem=str(tmp_path / "store"), strict=True):
        yield tmp_path / "store"


def spread(size: int, wanted: int) -> list[int]:
    """Choose places in a file: its first and last, and others evenly between them."""
    edge = min(wanted // 8, size // 2)
    inner = range(edge, size - edge, max(1, (size - 2 * edge) // max(1, wanted - 2 * edge)))
    return sorted({*range(edge), *inner, *range(size - edge, size)})


def flipped(content: bytes, at: int, chance: random.Random) -> bytes:
    """Flip one bit of a byte."""
    return content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :]


@pytest.mark.parametrize("name", ["small", "medium"])
def test_a_flipped_bit_in_any_byte_of_a_manifest_is_found(root: Path, recorder: Recorder, name: str) -> None:
    """The value is computed again, and stored soundly."""
    victim, chance = Victim(root, name), random.Random(1)
    size = victim.record().stat().st_size
    for at in range(0, size, number(1, 5)):
        content = victim.record().read_bytes()
        outcome, detail = victim.after(victim.record(), flipped(content, at % len(content), chance))
        recorder.note("flipped bits: every byte of a manifest", name, outcome, f"byte {at}: {detail}")

    assert recorder.wrong == []
    assert set(recorder.counts) == {("flipped bits: every byte of a manifest", name, "absent")}


@pytest.mark.parametrize("name", ["small", "medium"])
def test_every_truncation_of_a_manifest_is_found(root: Path, recorder: Recorder, name: str) -> None:
    """Down to nothing."""
    victim = Victim(root, name)
    size = victim.record().stat().st_size
    for length in range(0, size, number(1, 5)):
        content = victim.record().read_bytes()
        outcome, detail = victim.after(victim.record(), content[: min(length, len(content) - 1)])
        recorder.note("truncation: every length of a manifest", name, outcome, f"{length} bytes: {detail}")

    assert recorder.wrong == []
    assert set(recorder.counts) == {("truncation: every length of a manifest", name, "absent")}


@pytest.mark.parametrize("name", FORMATS)
def test_a_flipped_bit_in_a_payload_is_found(root: Path, recorder: Recorder, name: str) -> None:
    """Wherever it is, whatever the format would have made of it."""
    victim, chance = Victim(root, name), random.Random(2)
    fault = f"flipped bits: payload, {name}"
    for which in range(len(victim.files())):
        for at in spread(victim.files()[which].stat().st_size, number(2000, 60)):
            path = victim.files()[which]
            outcome, detail = victim.after(path, flipped(path.read_bytes(), at, chance))
            recorder.note(fault, path.name, outcome, f"{path.name}, byte {at}: {detail}")

    assert recorder.wrong == []
    assert victim.manifest.inline is None
    assert victim.manifest.size > INLINE_LIMIT


@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_payload_is_found(root: Path, recorder: Recorder, name: str) -> None:
    """By its size, before its content is looked at."""
    victim = Victim(root, name)
    fault = f"truncation: payload, {name}"
    for which in range(len(victim.files())):
        for length in spread(victim.files()[which].stat().st_size, number(200, 20)):
            path = victim.files()[which]
            outcome, detail = victim.after(path, path.read_bytes()[:length])
            recorder.note(fault, path.name, outcome, f"{path.name}, {length} bytes: {detail}")

    assert recorder.wrong == []
    # A zarr has its metadata twice: of each array, which nobody reads, and all of them in one file.
    unread = {(fault, "zarr.json", "correct")} if name == "zarr" else set()
    assert {key for key in recorder.counts if key[-1] != "absent"} <= unread
