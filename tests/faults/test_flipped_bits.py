"""Flipped bits, truncation and loss of stored files, through the whole of whorl: found, or the value is the same."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest

import payload_stages
import whorl
from fault_recorder import IS_FULL, number
from fault_rows import DEAR, QUICK
from payload_stages import STAGES, WINDOWED, digest_of, loaded
from whorl.errors import CorruptEntryError, NoEntryError
from whorl.settings import FORMATS
from whorl.store.codec import INLINE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fault_recorder import Recorder
    from whorl.store.manifest import Manifest

# What `make test` has time for: of those that take long a bit here and there, and the rest of the quick ones alone.
SOME = [*STAGES] if IS_FULL else [*QUICK]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]


class Victim:
    """The stored result of one stage, and what a call gives after its files were damaged."""

    def __init__(self, root: Path, name: str) -> None:
        self.space = root / "v1" / "default"
        self.call: Callable[[], object] = STAGES.get(name) or getattr(payload_stages, name)
        self.whole = digest_of(self.call.__wrapped__())  # type: ignore[attr-defined]
        self.manifest: Manifest
        self.kind()

    def kind(self) -> str:
        """
        Call the stage; give what happened, "wrong" where it is not the value.

        What is read later may be found damaged then: "found".
        """
        with whorl.observe() as outcomes:
            value = self.call()
        (outcome,) = outcomes
        self.manifest = outcome.manifest or self.manifest
        try:
            return outcome.kind if digest_of(value) == self.whole else "wrong"
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
        path.chmod(0o600)  # those of the format file are read-only
        path.write_bytes(damaged)
        return self.after_that(path)

    def after_that(self, path: Path) -> tuple[str, str]:
        """Call the stage after a file was damaged, and call it again; give the same."""
        kinds = self.kind(), self.kind()
        outcome = {("ran", "hit"): "absent", ("found", "ran"): "absent", ("hit", "hit"): "correct"}.get(kinds, "wrong")
        if path not in (self.record(), *self.files()):
            self.forget(path)
        return outcome, " ".join(kinds)

    def forget(self, path: Path) -> None:
        """Remove a payload that nothing names any more: thousands would fill the disk."""
        below = path.relative_to(self.space).parts
        if below[0] == "o":
            shutil.rmtree(self.space.joinpath(*below[:3]), ignore_errors=True)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder of a store that is in use."""
    monkeypatch.chdir(tmp_path)  # one of the stages writes there
    with whorl.options(filesystem=str(tmp_path / "store"), strict=True):
        yield tmp_path / "store"


def spread(size: int, wanted: int) -> list[int]:
    """Choose places in a file: its first and last, and others evenly between them."""
    edge = min(wanted // 8, size // 2)
    inner = range(edge, size - edge, max(1, (size - 2 * edge) // max(1, wanted - 2 * edge)))
    return sorted({*range(edge), *inner, *range(size - edge, size)})


def flipped(content: bytes, at: int, chance: random.Random) -> bytes:
    """Flip one bit of a byte; of the last one where the file is shorter now: some libraries note times in it."""
    at = min(at, len(content) - 1)
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


def test_every_format_is_in_the_matrix() -> None:
    """One that is added later has to be tried as well."""
    assert {*STAGES} == {*QUICK, *DEAR}
    assert {name.partition(" ")[0] for name in STAGES} == {*FORMATS}


def may_be_unread(name: str, path: Path) -> bool:
    """Whether a file is for other programs alone: whorl does not need it to make the value."""
    in_zarr = path.name == "zarr.json" and name.startswith("zarr")  # of an array: the metadata of all lie in one file
    is_log = path.suffix == ".json" and name == "delta of dask"
    return in_zarr or is_log or path.name == "terracotta.sqlite"


def check_found(recorder: Recorder, name: str, unread: set[str]) -> None:
    """No value was wrong, and whatever was damaged was found, but for what nobody read."""
    assert recorder.wrong == []
    assert {kind for _, kind, outcome in recorder.counts if outcome != "absent"} <= unread
    assert {outcome for _, _, outcome in recorder.counts} >= {"absent"}, name


@pytest.mark.parametrize("name", STAGES)
def test_a_flipped_bit_in_a_payload_is_found(root: Path, recorder: Recorder, name: str) -> None:
    """Wherever it is, whatever the format would have made of it."""
    victim, chance = Victim(root, name), random.Random(2)
    fault, unread = f"flipped bits: payload, {name}", set()
    files = len(victim.files())
    wanted = number(400, 2) if name in DEAR else number(2000, 12)
    for which in range(files):
        for at in spread(victim.files()[which].stat().st_size, -(-wanted // files) + number(16, 0)):
            path = victim.files()[which]
            outcome, detail = victim.after(path, flipped(path.read_bytes(), at, chance))
            unread |= {path.name} if may_be_unread(name, path) else set()
            recorder.note(fault, path.name, outcome, f"{path.name}, byte {at}: {detail}")

    check_found(recorder, name, unread)
    assert victim.manifest.inline is None
    assert victim.manifest.size > INLINE_LIMIT or name in (*DEAR, "orc")


@pytest.mark.parametrize("name", SOME)
def test_a_truncated_payload_is_found(root: Path, recorder: Recorder, name: str) -> None:
    """By its size, before its content is looked at."""
    victim = Victim(root, name)
    fault, unread = f"truncation: payload, {name}", set()
    files = len(victim.files())
    wanted = number(60, 2) if name in DEAR else number(200, 4)
    for which in range(files):
        for length in spread(victim.files()[which].stat().st_size, -(-wanted // files) + number(8, 0)):
            path = victim.files()[which]
            content = path.read_bytes()
            outcome, detail = victim.after(path, content[: min(length, len(content) - 1)])
            unread |= {path.name} if may_be_unread(name, path) else set()
            recorder.note(fault, path.name, outcome, f"{path.name}, {length} bytes: {detail}")

    check_found(recorder, name, unread)


@pytest.mark.parametrize("name", SOME)
def test_a_missing_file_of_a_payload_is_found(root: Path, recorder: Recorder, name: str) -> None:
    """Each of them, and all at once; the value is computed anew."""
    victim = Victim(root, name)
    fault, unread = f"missing files: payload, {name}", set()
    for which in range(len(victim.files())):
        path = victim.files()[which]
        path.unlink()
        outcome, detail = victim.after_that(path)
        if may_be_unread(name, path):
            unread.add(path.name)
            victim.call.options(recompute=True)()  # type: ignore[attr-defined]
            victim.kind()
        recorder.note(fault, path.name, outcome, f"{path.name}: {detail}")
    path = victim.files()[0]
    shutil.rmtree(victim.space / "o")
    outcome, detail = victim.after_that(path)
    recorder.note(fault, "all", outcome, f"all: {detail}")

    check_found(recorder, name, unread)


@pytest.mark.parametrize("name", SOME)
def test_damage_where_nothing_may_be_written_costs_no_value(root: Path, recorder: Recorder, name: str) -> None:
    """It is computed, or a clear error says that nothing is computed here; nothing in the store changes."""
    victim = Victim(root, name)
    fault, chance = "damage, and the store is only read", random.Random(3)
    for which in range(len(victim.files())):
        path = victim.files()[which]
        if may_be_unread(name, path):
            continue
        sound = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(flipped(sound, len(sound) // 2, chance))
        with whorl.options(filesystem=str(root), mode="read_only"):
            kind = victim.kind()
        recorder.note(fault, name, "correct" if kind in ("ran", "found") else "wrong", f"{path.name}: {kind}")
        recorder.note(fault, name, *refusal(root, victim))
        if path.parent.exists():
            path.write_bytes(sound)
        victim.kind()

    assert recorder.wrong == []


def refusal(root: Path, victim: Victim) -> tuple[str, str]:
    """Ask for a damaged value where nothing is computed: an error has to say what is wrong."""
    try:
        with whorl.options(filesystem=str(root), mode="read_only_strict"):
            loaded(victim.call())
    except (CorruptEntryError, NoEntryError) as error:
        return "absent", repr(error)
    return "wrong", "it gave a value"


@pytest.mark.parametrize("name", WINDOWED)
def test_damage_in_what_a_window_needs_is_found(root: Path, recorder: Recorder, name: str) -> None:
    """What lies beside it may be damaged, and is read by nobody; the rows are right in either case."""
    call, fault, chance = WINDOWED[name], f"flipped bits: a window, {name}", random.Random(4)
    window = ("2020-01-03", "2020-01-09")
    whole = digest_of(call.__wrapped__())  # type: ignore[attr-defined]
    expected = digest_of(call(*window))
    for which in range(len(payload_of(root, call))):
        for at in range(number(20, 2)):
            path = payload_of(root, call)[which]
            sound = path.read_bytes()
            path.write_bytes(flipped(sound, at * len(sound) // number(20, 2), chance))
            kinds = [
                kind_of(call, window, expected),
                kind_of(call, (None, None), whole),
                kind_of(call, (None, None), whole),
            ]
            is_right = "wrong" not in kinds and kinds[-1] in ("ran", "hit")
            outcome = ("correct" if kinds[0] == "hit" else "absent") if is_right else "wrong"
            recorder.note(fault, path.name, outcome, f"{path.name}: {kinds}")

    assert recorder.wrong == []
    assert {outcome for _, _, outcome in recorder.counts} == {"absent", "correct"}


def kind_of(call: Callable[..., object], window: tuple[str | None, str | None], expected: str) -> str:
    """Call with a window; give what happened, "wrong" where the value is not what it must be."""
    with whorl.observe() as outcomes:
        value = call(*window)
    try:
        return outcomes[-1].kind if digest_of(value) == expected else "wrong"
    except CorruptEntryError:
        return "found"


def payload_of(root: Path, call: Callable[..., object]) -> list[Path]:
    """List the files of a stage's only entry."""
    (entry,) = call.entries()  # type: ignore[attr-defined]
    return [root / "v1" / "default" / "o" / entry.payload[:2] / entry.payload / file.name for file in entry.files]
