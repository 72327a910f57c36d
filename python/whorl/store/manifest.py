"""
What is known of a stored result, as plain values: the small record that decides whether an entry may answer.

A manifest is replaced but never edited, so all of these are frozen.  How one becomes bytes is in ``codec.py``.  On the
arrow: what *look up* finds and *commit* leaves behind.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Protocol

from whorl.errors import CorruptEntryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.digest import Digest
    from whorl.fingerprint.values import Behaviour
    from whorl.key import Component

# Not needed to answer a call: read when asked for (store.md, "hit record").
LATER = ("components", "raw_files", "provenance", "not_followed", "arguments")

# Under this name provenance has where a value comes from that another tool computed.
ADOPTED = "adopted"

# Beyond this the files of raw inputs are not listed, so an explanation names their folder alone.
MOST_RAW_FILES = 100_000


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the entries of one call key live: at most one of them is current."""

    namespace: str
    stage: str
    key: Digest


@dataclass(frozen=True, slots=True)
class TracedCall:
    """A stage that was called inside a body: checked again on each hit of the caller."""

    stage: str
    namespace: str
    module: str
    qualname: str
    definition: Digest
    replaced: tuple[str, ...]
    key: Digest
    revision: str
    expires: float | None


@dataclass(frozen=True, slots=True)
class TracedInput:
    """A raw input that was not declared; ``kind`` is that of the input (``fingerprint/inputs.py``)."""

    path: str
    kind: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Trace:
    """What a result depends on beyond its components, as seen while it was computed."""

    calls: tuple[TracedCall, ...] = ()
    inputs: tuple[TracedInput, ...] = ()
    types: Behaviour = ()


@dataclass(frozen=True, slots=True)
class RawFile:
    """One file of a raw input, so that an explanation can name the one that changed."""

    component: str
    name: str
    size: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """One file of an encoded value; ``name`` is relative and '/'-separated, ``digest`` is plain BLAKE3."""

    name: str
    size: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class Signature:
    """
    Who vouches for a manifest: ``signer`` is the id of a key, ``of`` the digest of the bytes that were signed.

    ``of`` is no field of a record: it is taken from the very bytes that were read or written.
    """

    scheme: str
    signer: str
    value: bytes
    of: Digest


class Later(Protocol):
    """Reads the part of a manifest that was left unread."""

    def read(self, name: str) -> object:
        """Return the field of that name; raise ``CorruptEntryError`` where it cannot be had."""
        ...


@dataclass(frozen=True, slots=True, repr=False, weakref_slot=True)
class Manifest:
    """
    The record of one entry.

    ``payload`` is the attempt whose folder holds the files: ``attempt`` itself, except for an entry that was *kept*.
    ``computed`` is when the value was computed, ``created`` when this manifest was; both and the expiries are seconds
    since 1970.  ``own_expires`` counts from ``computed`` by the entry's own ttl, ``expires`` is the earliest of that
    and the expiries of what it was made from.  ``trace`` was seen in the stage's own body; ``inherited`` came with the
    upstreams, whose results' digests stand for it when a content key is looked up.  ``inline`` has the payload's files
    when they are small.  ``window`` has the ends that the value was computed for, where it serves every narrower
    one.  ``signature`` is that of the record it was read from, and goes with copies of it; a manifest that says
    anything else is written without (``codec.encode_manifest``).  ``seconds_computing`` is 0 where nobody knows: the
    value was adopted from another tool's cache (``provenance``).

    One that comes from a store parses the fields named in ``LATER`` when they are first used; a hostile or damaged
    part then raises ``CorruptEntryError``.
    """

    slot: Slot
    attempt: str
    payload: str
    content_key: Digest
    code: Digest
    components: tuple[Component, ...]
    trace: Trace
    inherited: Trace
    raw_files: tuple[RawFile, ...]
    created: float
    computed: float
    own_expires: float | None
    expires: float | None
    revisions: tuple[tuple[Digest, str], ...]
    format: str
    format_options: Mapping[str, object]
    type: str
    value_digest: Digest | None
    behaviour: Behaviour
    files: tuple[PayloadFile, ...]
    inline: Mapping[str, bytes] | None
    seconds_computing: float
    seconds_encoding: float
    provenance: Mapping[str, object]
    not_followed: tuple[str, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)
    window: str | None = None
    signature: Signature | None = None
    _later: Later | None = field(init=False, default=None, repr=False, compare=False)

    if not TYPE_CHECKING:  # else a type checker would accept any name

        def __getattr__(self, name: str) -> object:
            # Reached only for a slot that is still empty.
            if name not in LATER or self._later is None:
                raise AttributeError(f"'Manifest' has no attribute {name!r}")
            value = self._later.read(name)
            object.__setattr__(self, name, value)
            return value

    def __repr__(self) -> str:
        return f"<entry {self.slot.stage} {self.slot.key.hex()[:12]}, {self.size} bytes of {self.format}>"

    @property
    def adopted_from(self) -> str:
        """Name the tool from whose cache the value was adopted; empty for others, and where the record is damaged."""
        try:
            adopted = self.provenance.get(ADOPTED)
        except CorruptEntryError:  # it may still answer: what explains an entry is checked when it is read
            return ""
        return str(adopted.get("tool", "")) if isinstance(adopted, dict) else ""

    @property
    def size(self) -> int:
        """Return the bytes of the payload, inline or not."""
        return sum(file.size for file in self.files)


def is_copy(manifest: Manifest, other: Manifest) -> bool:
    """Whether two manifests say the same as far as a hit needs it; one attempt alone does not make them so."""
    names = (item.name for item in fields(Manifest) if item.compare and item.name not in LATER)
    return all(getattr(manifest, name) == getattr(other, name) for name in names)
