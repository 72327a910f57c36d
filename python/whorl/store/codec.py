"""
A manifest in, its record as bytes out, and back.

A record is one line of sizes and digests, the *hit record* (what is needed to answer, at most 4 KiB of JSON), the
*rest* (JSON, parsed when asked for), the bytes of inline files, and a *signature* where there is one: 64 KiB in all.
A list that fits in neither goes to a *side file* beside the payload, and the rest has its size and digest.  Each byte
of a record is covered by a digest or fixed, so a flipped bit never passes (``tests/test_manifest.py``).  What is signed
are the first line, the hit record and the rest: all else is covered through the digests in them.

Reading is strict: sizes before contents, types, names; whatever is wrong is a ``CorruptEntryError``.  On the arrow: the
record behind *lookup* and *commit*.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from whorl.digest import Hasher
from whorl.errors import CorruptEntryError, StoreError
from whorl.store import fields
from whorl.store.disk import digest_bytes
from whorl.store.manifest import LATER, Manifest, Signature
from whorl.store.names import SIDE, checked_nonce

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from whorl.digest import Digest
    from whorl.fingerprint.values import Behaviour
    from whorl.store.manifest import Trace

RECORD_LIMIT = 64 << 10
HIT_LIMIT = 4 << 10
INLINE_LIMIT = 32 << 10
# What is parsed from a side file must fit into memory several times over (tests/test_hostile_manifests.py).
SIDE_LIMIT = 16 << 20

# Room for a signature is left in every record, so that signing moves nothing.
SIGNATURE_LIMIT = 256

# The last word is s for a record that ends with a signature, - for one without: a lost signature is damage too.
_HEADER = "whorl 1 {:05d} {:05d} {:05d} {} {} {}\n"
_HEADER_PATTERN = re.compile(rb"whorl 1 (\d{5}) (\d{5}) (\d{5}) ([0-9a-f]{64}) ([0-9a-f]{64}) ([s-])\n")
_HEADER_SIZE = len(_HEADER.format(0, 0, 0, "0" * 64, "0" * 64, "-"))
# Scheme, signer, signature, and eight bytes of a digest of these three.
_SIGNATURE_PATTERN = re.compile(rb"([a-z0-9-]{1,16}) ([0-9a-f]{32}) ((?:[0-9a-f]{2}){16,80}) ([0-9a-f]{16})\n")

# In the hit record always; the order is that of the checks.
_FIXED: Mapping[str, Callable[[object], object]] = {
    "slot": fields.slot,
    "attempt": lambda value: checked_nonce(fields.text(value)),
    "payload": lambda value: checked_nonce(fields.text(value)),
    "content_key": fields.digest,
    "code": fields.digest,
    "created": fields.number,
    "computed": fields.number,
    "own_expires": fields.optional_number,
    "expires": fields.optional_number,
    "format": fields.text,
    "type": fields.text,
    "value_digest": fields.optional_digest,
    "seconds_computing": fields.number,
    "seconds_encoding": fields.number,
}
# In the hit record where they fit, for a hit needs them; else in the rest, else in a side file.
_WANTED: Mapping[str, Callable[[object], object]] = {
    "revisions": lambda value: fields.many(value, fields.revision),
    "trace": fields.trace,
    "inherited": fields.trace,
    "format_options": fields.mapping,
    "behaviour": fields.behaviour,
    "files": fields.payload_files,
}
# In the hit record where there is any: records of whorl 0.1 before it had windows have none.
_OPTIONAL: Mapping[str, Callable[[object], object]] = {"window": fields.text}
# In the rest where they fit, else in a side file.
_REST: Mapping[str, Callable[[object], object]] = {
    "components": lambda value: fields.many(value, fields.component),
    "raw_files": lambda value: fields.many(value, fields.raw_file),
    "provenance": fields.mapping,
    "not_followed": fields.texts,
    "arguments": fields.text_mapping,
}
assert tuple(_REST) == LATER


class SideReader(Protocol):
    """Where side files are."""

    def read(self, payload: str, name: str, size: int) -> bytes:
        """Return a side file's bytes, ``size`` of them; ``CorruptEntryError`` where that cannot be."""
        ...


class Signs(Protocol):
    """Signs manifests."""

    def sign(self, of: Digest) -> Signature:
        """Sign the digest of a manifest's bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """
    A manifest as bytes: the record, and the side files by their names below the payload's folder.

    ``signature`` is the one at the end of the record.
    """

    data: bytes
    side: Mapping[str, bytes]
    signature: Signature | None = None


def encode_manifest(manifest: Manifest, signer: Signs | None = None) -> Record:
    """
    Encode a manifest; the same manifest gives the same bytes.

    The signature of a manifest that was read is kept if what it signed is still what is written; else ``signer`` signs.
    """
    inline = b"".join(manifest.inline[file.name] for file in manifest.files) if manifest.inline is not None else b""
    if len(inline) > INLINE_LIMIT:
        raise StoreError(f"{len(inline)} bytes do not fit into a manifest")
    hit_data, rest_data, side = _spread(manifest, RECORD_LIMIT - SIGNATURE_LIMIT - _HEADER_SIZE - len(inline))
    digests = digest_bytes(hit_data).hex(), digest_bytes(rest_data).hex()
    sizes = len(hit_data), len(rest_data), len(inline)
    signed = _HEADER.format(*sizes, *digests, "s").encode()
    signature = _signature_of(manifest, (signed, hit_data, rest_data), signer)
    header = _HEADER.format(*sizes, *digests, "-").encode() if signature is None else signed
    trailer = b"" if signature is None else _trailer(signature)
    return Record(b"".join((header, hit_data, rest_data, inline, trailer)), side, signature)


def decode_manifest(data: bytes, side: SideReader | None = None) -> Manifest:
    """
    Decode a record whose digests all agree; ``CorruptEntryError`` where anything is wrong with what a hit needs.

    The fields of ``LATER`` are digested now and parsed when they are first used.  ``side`` reads side files; without
    it, what lies in them counts as missing.
    """
    hit_data, rest_data, inline, signature = _split(data)
    hit = fields.parse(hit_data)
    found = {name: read(fields.member(hit, name)) for name, read in _FIXED.items()}
    rest = _Rest(rest_data, str(found["payload"]), str(found["attempt"]), side)
    for name, read in _WANTED.items():
        found[name] = read(hit[name]) if name in hit else rest.read(name)
    for name, read in _OPTIONAL.items():
        found[name] = read(hit[name]) if name in hit else None
    manifest = object.__new__(Manifest)
    for name, value in found.items():
        object.__setattr__(manifest, name, value)
    object.__setattr__(
        manifest, "inline", _inline(manifest, inline) if fields.flag(fields.member(hit, "inline")) else None
    )
    object.__setattr__(manifest, "signature", signature)
    object.__setattr__(manifest, "_later", rest)
    return manifest


@dataclass(slots=True)
class _Rest:
    """The part of a record that is parsed when it is needed, and the way to its side files."""

    data: bytes
    payload: str
    attempt: str
    side: SideReader | None
    parsed: dict[str, object] = field(default_factory=dict)

    def read(self, name: str) -> object:
        if not self.parsed:
            self.parsed = fields.parse(self.data)
        read = _WANTED.get(name) or _REST[name]
        if name in self.parsed:
            return read(self.parsed[name])
        return read(fields.member(fields.parse(self._side_file(name)), name))

    def _side_file(self, name: str) -> bytes:
        stated = fields.member(fields.mapping(fields.member(self.parsed, "side")), name)
        size, digest = fields.row(stated, 2)
        if self.side is None or fields.size(size) > SIDE_LIMIT:
            raise CorruptEntryError(f"the list {name} of an entry cannot be read", "it lies in a side file")
        data = self.side.read(self.payload, _side_name(self.attempt, name), fields.size(size))
        if digest_bytes(data) != fields.digest(digest):
            raise CorruptEntryError(f"the list {name} of an entry is damaged", "its digest does not agree")
        return data


def _split(data: bytes) -> tuple[bytes, bytes, bytes, Signature | None]:
    """Split a record into its sections, each as its digest says."""
    header = _HEADER_PATTERN.match(data)
    if header is None or len(data) > RECORD_LIMIT:
        raise CorruptEntryError("an entry is damaged: it does not begin as a manifest does")
    hit, rest, inline = int(header[1]), int(header[2]), int(header[3])
    rest_at = _HEADER_SIZE + hit
    inline_at = rest_at + rest
    end = inline_at + inline
    if not end <= len(data) <= end + SIGNATURE_LIMIT or hit > HIT_LIMIT or inline > INLINE_LIMIT:
        raise CorruptEntryError("an entry is damaged: it is cut off or too long")
    hit_data, rest_data = data[_HEADER_SIZE:rest_at], data[rest_at:inline_at]
    if Hasher(hit_data).hexdigest().encode() != header[4] or Hasher(rest_data).hexdigest().encode() != header[5]:
        raise CorruptEntryError("an entry is damaged: its digest does not agree")
    if (header[6] == b"s") != (len(data) > end):
        raise CorruptEntryError("an entry is damaged: its signature is cut off, or too much")
    signature = _signature(data[end:], data[:inline_at]) if len(data) > end else None
    return hit_data, rest_data, data[inline_at:end], signature


def _signature(trailer: bytes, signed: bytes) -> Signature:
    """Read the end of a record; whether the signature is right is not known here."""
    found = _SIGNATURE_PATTERN.fullmatch(trailer)
    if found is None or _mark(trailer[: found.end(3)]) != found[4]:
        raise CorruptEntryError("an entry is damaged: its signature is")
    return Signature(found[1].decode(), found[2].decode(), bytes.fromhex(found[3].decode()), digest_bytes(signed))


def _signature_of(manifest: Manifest, parts: tuple[bytes, ...], signer: Signs | None) -> Signature | None:
    if manifest.signature is None and signer is None:
        return None
    of = digest_bytes(b"".join(parts))
    if manifest.signature is not None and manifest.signature.of == of:
        return manifest.signature
    return None if signer is None else signer.sign(of)


def _trailer(signature: Signature) -> bytes:
    text = f"{signature.scheme} {signature.signer} {signature.value.hex()}".encode()
    return text + b" " + _mark(text) + b"\n"


def _mark(text: bytes) -> bytes:
    return digest_bytes(text).hex()[:16].encode()


def _inline(manifest: Manifest, data: bytes) -> Mapping[str, bytes]:
    """Cut the inline bytes into files, each as its digest says."""
    if sum(file.size for file in manifest.files) != len(data):
        raise CorruptEntryError("an entry is damaged: its inline files have other sizes")
    found, at = {}, 0
    for file in manifest.files:
        found[file.name] = data[at : at + file.size]
        at += file.size
        if digest_bytes(found[file.name]) != file.digest:
            raise CorruptEntryError(f"an entry is damaged: its inline file {file.name} has another digest")
    return found


def _spread(manifest: Manifest, room: int) -> tuple[bytes, bytes, dict[str, bytes]]:
    """Give the hit record, the rest and the side files; nearly always all that is wanted fits where it should be."""
    hit = {name: _plain(manifest, name) for name in (*_FIXED, *_WANTED)}
    hit |= {name: _plain(manifest, name) for name in _OPTIONAL if getattr(manifest, name) is not None}
    hit["inline"] = manifest.inline is not None
    rest = {name: _plain(manifest, name) for name in _REST}
    hit_data, rest_data = _dump(hit).encode(), _dump(rest).encode()
    if len(hit_data) <= HIT_LIMIT and len(hit_data) + len(rest_data) <= room:
        return hit_data, rest_data, {}
    hit_parts = {name: _dump(value) for name, value in hit.items()}
    rest_parts = _move_largest(hit_parts, _WANTED, HIT_LIMIT)
    rest_parts.update({name: _dump(value) for name, value in rest.items()})
    side = _move_to_side(rest_parts, manifest.attempt, room - _length(hit_parts))
    return _join(hit_parts), _join(rest_parts), side


def _move_largest(parts: dict[str, str], movable: Iterable[str], limit: int) -> dict[str, str]:
    """Take the largest movable parts out until the others fit; return what was taken."""
    moved: dict[str, str] = {}
    for name in sorted(movable, key=lambda name: -len(parts[name])):
        if _length(parts) <= limit:
            return moved
        moved[name] = parts.pop(name)
    if _length(parts) > limit:
        raise StoreError("an entry cannot be stored", "the names of its stage, type or format are too long")
    return moved


def _move_to_side(rest: dict[str, str], attempt: str, limit: int) -> dict[str, bytes]:
    """Move the largest parts into side files until the rest fits, and note their sizes and digests in it."""
    table = {name: [0, "0" * 64] for name in rest}  # as long as it can become
    moved = _move_largest({**rest, "side": _dump(table)}, tuple(rest), limit) if _length(rest) > limit else {}
    files = {name: f'{{"{name}":{rest.pop(name)}}}'.encode() for name in moved}
    if too_long := [name for name, data in files.items() if len(data) > SIDE_LIMIT]:
        raise StoreError("an entry cannot be stored", f"its list {too_long[0]} is longer than {SIDE_LIMIT >> 20} MiB")
    if files:
        rest["side"] = _dump({name: [len(data), digest_bytes(data).hex()] for name, data in files.items()})
    return {_side_name(attempt, name): data for name, data in files.items()}


def _side_name(attempt: str, name: str) -> str:
    return f"{SIDE}/{attempt}.{name}.json"


def _length(parts: Mapping[str, str]) -> int:
    return 1 + sum(len(name) + len(part) + 4 for name, part in parts.items())


def _join(parts: Mapping[str, str]) -> bytes:
    return "".join(("{", ",".join(f'"{name}":{parts[name]}' for name in sorted(parts)), "}")).encode()


_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def _dump(value: object) -> str:
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError("an entry cannot be stored", f"a manifest holds JSON only: {error}") from error


def _plain(manifest: Manifest, name: str) -> object:
    """Give one field as ``fields.py`` reads it."""
    value = getattr(manifest, name)
    return _PLAIN[name](value) if name in _PLAIN else value


def _hex(digest: Digest | None) -> str | None:
    return None if digest is None else digest.hex()


def _plain_behaviour(behaviour: Behaviour) -> object:
    return [[name, of if isinstance(of, str) else {"digest": of.hex()}] for name, of in behaviour]


def encode_trace(trace: Trace) -> bytes:
    """Encode a trace on its way from a worker process."""
    return _dump({"trace": _plain_trace(trace)}).encode()


def decode_trace(data: bytes) -> Trace:
    """Decode what ``encode_trace`` made; raise ``CorruptEntryError`` where it is damaged."""
    return fields.trace(fields.parse(data).get("trace"))


def _plain_trace(trace: Trace) -> object:
    calls = [
        [
            call.stage,
            call.namespace,
            call.module,
            call.qualname,
            call.definition.hex(),
            list(call.replaced),
            call.key.hex(),
            call.revision,
            call.expires,
        ]
        for call in trace.calls
    ]
    inputs = [[item.path, item.kind, item.digest.hex()] for item in trace.inputs]
    return [calls, inputs, _plain_behaviour(trace.types)]


_PLAIN: Mapping[str, Callable[[Any], object]] = {
    "slot": lambda slot: [slot.namespace, slot.stage, slot.key.hex()],
    "content_key": _hex,
    "code": _hex,
    "value_digest": _hex,
    "revisions": lambda revisions: [[key.hex(), nonce] for key, nonce in revisions],
    "trace": _plain_trace,
    "inherited": _plain_trace,
    "format_options": dict,
    "behaviour": _plain_behaviour,
    "files": lambda files: [[file.name, file.size, file.digest.hex()] for file in files],
    "components": lambda components: [[part.name, part.digest.hex()] for part in components],
    "raw_files": lambda files: [[file.component, file.name, file.size, file.digest.hex()] for file in files],
    "provenance": dict,
    "not_followed": list,
    "arguments": dict,
}
