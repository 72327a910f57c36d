"""Everything in a store that is not as it should be is found, and a repair makes it a miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from object_stores import Kept
from store_examples import digest, slot
from whorl.store.collectable import PLACES
from whorl.store.local import LocalStore
from whorl.store.manifest import RawFile
from whorl.store.pins import pin
from whorl.store.verify import Verified, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whorl.store.manifest import Slot

BIG = b"x" * 40_000


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Give a local store with everything that a store can hold."""
    kept = Kept(LocalStore(tmp_path / "store"))
    wide = tuple(RawFile("raw/data", f"{index}.csv", index, digest(str(index))) for index in range(2000))
    source = kept.put(slot("one"), BIG, raw_files=wide, content_key=digest("c1"))
    kept.keep(source, slot("two"))
    kept.put(slot("three"), b"small", content_key=digest("c3"))
    kept.put(slot("three"), b"newer", content_key=digest("c3"))
    kept.store.write_tree("default", digest("code"), b"tree")
    pin(kept.collectable, "held", [source])
    return kept


def _verify(kept: Kept, chooses: Callable[[Slot], bool] | None = None, *, repair: bool = False) -> Verified:
    return verify(kept.store, kept.collectable, chooses, repair=repair)


def test_a_sound_store_has_no_findings(kept: Kept) -> None:
    """All entries and generations are read whole."""
    verified = _verify(kept)

    assert verified.findings == ()
    assert (verified.entries, verified.bytes) == (4, 80_010)


def _hurt(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["m", "g", "o", "side", "c", "f", "refs", "p"])
@pytest.mark.parametrize("how", ["flipped", "cut"])
def test_every_kind_of_damage_is_found_and_repaired(kept: Kept, kind: str, how: str) -> None:
    """A flipped bit or a missing end, in whatever lies there; after the repair all that is left is sound."""
    patterns = {"o": "o/*/*/value.bin", "side": "o/*/*/side/*", "refs": "o/*/*/refs/*"}
    found_files = sorted((kept.store.root / "v1/default").glob(patterns.get(kind, f"{kind}/**/*")))
    path = next(each for each in found_files if each.is_file())
    if how == "flipped" and kind in ("c", "refs", "p"):
        path.write_bytes(b"\x00" + path.read_bytes()[1:])
    elif how == "flipped":
        _hurt(path)
    else:
        path.write_bytes(path.read_bytes()[:-1])
    found = _verify(kept)

    assert found.findings
    assert any(finding.is_entry for finding in found.findings) == (kind in ("m", "g", "o", "side"))
    if kind == "p":
        return
    _verify(kept, repair=True)
    # A pointer that was checked before its entry was moved aside goes with the second one.
    _verify(kept, repair=True)
    # Somebody relies on what was pinned: no repair hides that it is gone.
    assert {finding.name for finding in _verify(kept).findings} <= {"pin held"}


def test_a_missing_payload_is_found(kept: Kept) -> None:
    """Of each entry that shares it."""
    kept.collectable.discard("v1/default/o")
    found = _verify(kept, repair=True)

    assert {finding.name for finding in found.findings if finding.is_entry} == {
        PLACES.manifest(slot("one")), PLACES.manifest(slot("two")),
    }  # fmt: skip
    assert kept.value(slot("one")) is None
    assert kept.value(slot("three")) == b"newer"


def test_an_entry_in_the_place_of_another_is_found(kept: Kept) -> None:
    """A record that says it is another key's answers for nobody."""
    root = kept.store.root
    other = root / PLACES.manifest(slot("four"))
    other.write_bytes((root / PLACES.manifest(slot("three"))).read_bytes())
    found = _verify(kept, repair=True)

    assert [finding.name for finding in found.findings] == [PLACES.manifest(slot("four"))]
    assert not other.exists()
    assert kept.store.damaged(slot("four"))


def test_a_pointer_to_what_is_gone_is_found(kept: Kept) -> None:
    """It is only a hint, and a repair removes it."""
    kept.store.remove(slot("three"))
    found = _verify(kept, repair=True)

    assert [finding.name for finding in found.findings] == [PLACES.pointer("default", digest("c3"))]
    assert _verify(kept).findings == ()


def test_a_pin_that_holds_nothing_is_found(kept: Kept) -> None:
    """Somebody relies on what is not there."""
    kept.store.remove(slot("one"))

    assert [finding.name for finding in _verify(kept).findings] == ["pin held"]


def test_of_chosen_slots_nothing_else_is_read(kept: Kept) -> None:
    """Damage elsewhere is not theirs."""
    _hurt(kept.store.root / PLACES.manifest(slot("three")))
    verified = _verify(kept, lambda of: of == slot("two"))

    assert (verified.entries, verified.findings) == (1, ())
