"""
A store in, what lies in it out: each manifest, payload and leftover with its size and its date by the store's clock.

One listing of all, one of manifests, and one read per manifest.  A survey is no snapshot: others commit meanwhile, so
whoever removes something looks again under its lock.  Beside the arrow: what *commit* made is looked after.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.errors import CorruptEntryError
from whorl.store.collectable import PLACES, read_placed, read_tombstone
from whorl.store.names import REFS, SIDE

if TYPE_CHECKING:
    from whorl.digest import Digest
    from whorl.store.manifest import Manifest, Slot
    from whorl.store.objects.base import Listed, Objects

# Below v1/<namespace>/: how many parts the name of a thing has, and so what is not one.
_DEPTH = {"m": 5, "g": 6, "q": 6, "c": 5, "f": 4, "l": 4, "t": 5}


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One manifest, without what only answering needs.

    ``modified`` and ``expires`` are by the store's clock, ``record`` and ``size`` the bytes of manifest and payload.
    """

    name: str
    slot: Slot
    attempt: str
    payload: str
    content_key: Digest
    code: Digest
    modified: float
    expires: float | None
    seconds: float
    record: int
    size: int

    @property
    def space(self) -> str:
        """The folder of its namespace."""
        return self.name.split("/")[1]

    @property
    def place(self) -> tuple[str, str]:
        """What tells its payload from all others."""
        return self.space, self.payload


@dataclass(slots=True)
class Payload:
    """The files of one payload: how many bytes, and the date of the youngest."""

    space: str
    attempt: str
    size: int = 0
    newest: float = 0.0
    sides: list[Listed] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """Where it lies."""
        return f"{PLACES.entries}/{self.space}/o/{self.attempt[:2]}/{self.attempt}"


@dataclass(slots=True)
class Survey:
    """What lies in a store; ``now`` is the store's time from before the listing began."""

    now: float
    entries: list[Entry] = field(default_factory=list)
    generations: list[Entry] = field(default_factory=list)
    tombstones: list[Entry] = field(default_factory=list)
    damaged: list[Listed] = field(default_factory=list)
    payloads: dict[tuple[str, str], Payload] = field(default_factory=dict)
    pointers: list[Listed] = field(default_factory=list)
    trees: list[Listed] = field(default_factory=list)
    quarantined: list[Listed] = field(default_factory=list)
    locks: list[Listed] = field(default_factory=list)

    @property
    def manifests(self) -> list[Entry]:
        """Everything that names a payload."""
        return self.entries + self.generations


def survey(objects: Objects, space: str | None = None, *, is_dated: bool = True) -> Survey:
    """Survey a store, or the folder of one namespace; where no date is asked for, a read-only store will do."""
    found = Survey(objects.now() if is_dated else 0.0)
    others = {"q": found.quarantined, "c": found.pointers, "f": found.trees, "l": found.locks}
    spaces = set()
    for listed in objects.below(f"{PLACES.entries}/{space}" if space else PLACES.entries):
        parts = listed.name.split("/")
        kind = parts[2] if len(parts) > 2 else ""  # noqa: PLR2004 - v1, namespace, kind
        spaces.add(parts[1])
        if kind == "o":
            _add_file(found, listed, parts)
        elif kind in others and len(parts) == _DEPTH[kind]:
            others[kind].append(listed)
    # After the payloads, and in the order in which manifests move: one that is missed here was moved on, and each is
    # written in its new place before it leaves the old one, so it is met there.  One that moves back (``kept``,
    # ``restore``) leaves a young marker first.  test_an_entry_that_moves_while_the_store_is_surveyed_keeps_its_payload
    for kind, to in (("m", found.entries), ("g", found.generations), ("t", found.tombstones)):
        for each in sorted(spaces):
            for listed in list(objects.below(f"{PLACES.entries}/{each}/{kind}")):
                if listed.name.count("/") == _DEPTH[kind] - 1:
                    _add(objects, listed, to, found.damaged, is_tombstone=kind == "t")
    return found


def _add(
    objects: Objects, listed: Listed, to: list[Entry], damaged: list[Listed], *, is_tombstone: bool = False
) -> None:
    """Read a manifest and add it to its like, unless it is gone meanwhile."""
    try:
        manifest = read_tombstone(objects, listed.name) if is_tombstone else read_placed(objects, listed.name)
    except CorruptEntryError:
        damaged.append(listed)
    else:
        if manifest is not None:
            to.append(_entry(listed, manifest))


def _entry(listed: Listed, manifest: Manifest) -> Entry:
    # Both moments are by the clock of one writer; the date of the object is by the store's.
    lasts = None if manifest.expires is None else manifest.expires - manifest.created
    return Entry(
        listed.name,
        manifest.slot,
        manifest.attempt,
        manifest.payload,
        manifest.content_key,
        manifest.code,
        listed.modified,
        None if lasts is None else listed.modified + lasts,
        manifest.seconds_computing,
        listed.size,
        0 if manifest.inline is not None else manifest.size,
    )


def _add_file(found: Survey, listed: Listed, parts: list[str]) -> None:
    if len(parts) < 6:  # noqa: PLR2004 - v1, namespace, o, two digits, attempt, and what lies in it
        return
    payload = found.payloads.setdefault((parts[1], parts[4]), Payload(parts[1], parts[4]))
    payload.size += listed.size
    payload.newest = max(payload.newest, listed.modified)
    if parts[5] == SIDE:
        payload.sides.append(listed)


def is_marker(name: str) -> bool:
    """Tell whether an object of a payload is a marker of those who share it."""
    parts = name.split("/")
    return len(parts) == 7 and parts[5] == REFS  # noqa: PLR2004 - v1, namespace, o, two digits, attempt, refs, key
