"""
A sound manifest in, hostile ones out: every digest is right, and what is said is of somebody else's choice.

A manifest is taken apart into its sections, one thing in it is changed, and it is sealed again, so that nothing but
what it says can give it away.
"""

from __future__ import annotations

import json
import os
import pickle
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from whorl.digest import Hasher

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_HEADER = re.compile(rb"whorl 1 (\d{5}) (\d{5}) (\d{5}) ([0-9a-f]{64}) ([0-9a-f]{64}) -\n")
_EVIL_NAMES = (
    "../../../outside/evil", "/outside/evil", "..", ".", "", "a/../../b", "a//b", "a/", "refs/x", "side/x", "a\x00b",
    "a\\b", "~", "x" * 129, "/".join(["a"] * 600), "data.json/", "ü", "a\nb", "..\\..\\evil", "file:///etc/passwd",
)  # fmt: skip
_EVIL_SIZES = (-1, 0, 1, 1 << 31, 1 << 40, (1 << 62) - 1, 1 << 62, 1 << 63, 10**30, 1.5, True, None, "7", [7])
_EVIL_PATHS = (
    "/dev/zero",
    "/dev/urandom",
    "/dev/stdin",
    "/proc/self/mem",
    "../" * 20 + "dev/zero",
    "",
    "\x00",
    "a" * 9999,
)
_EVIL_FORMATS = ("pickle", "os.system", "../pickle", "", "npy", "parquet", "csv", "feather", "arrow", "x" * 900)
_HEX = "0123456789abcdef"


class Canary:
    """A value whose pickle makes a folder when it is decoded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.path,)


@dataclass(frozen=True)
class Parts:
    """A manifest taken apart; ``payload`` are the bytes of its one payload file, wherever those lie."""

    hit: dict[str, Any]
    rest: dict[str, Any]
    inline: bytes
    payload: bytes
    raw: dict[str, str] = field(default_factory=dict)  # fields as text that no encoder would write
    lengths: tuple[int, int, int] | None = None

    @classmethod
    def of(cls, data: bytes, payload: bytes) -> Parts:
        """Take a record apart."""
        header = _HEADER.match(data)
        assert header is not None
        hit, rest = int(header[1]), int(header[2])
        at = header.end()
        inline = data[at + hit + rest :]
        return cls(json.loads(data[at : at + hit]), json.loads(data[at + hit : at + hit + rest]), inline, payload)

    def with_payload(self, data: bytes) -> Parts:
        """Put another content into its payload file, with its right size and digest."""
        ((name, _, _),) = self.hit["files"]
        files = [[name, len(data), Hasher(data).hexdigest()]]
        return replace(self, hit={**self.hit, "files": files}, payload=data, inline=data if self.inline else b"")

    def seal(self) -> bytes:
        """Make a record of it, with the digests that belong to it."""
        hit, rest = _text(self.hit, self.raw), _text(self.rest, self.raw)
        lengths = self.lengths or (len(hit), len(rest), len(self.inline))
        numbers = " ".join(f"{min(length, 99_999):05d}" for length in lengths)
        header = f"whorl 1 {numbers} {Hasher(hit).hexdigest()} {Hasher(rest).hexdigest()} -\n"
        return header.encode() + hit + rest + self.inline


def _text(fields: dict[str, Any], raw: dict[str, str]) -> bytes:
    parts = {name: raw.get(name, json.dumps(value)) for name, value in fields.items()}
    return ("{" + ",".join(f'"{name}":{parts[name]}' for name in sorted(parts)) + "}").encode()


def _changed(parts: Parts, name: str, value: object) -> Parts:
    if name in parts.hit:
        return replace(parts, hit={**parts.hit, name: value})
    return replace(parts, rest={**parts.rest, name: value})


def _anything(chance: random.Random, depth: int = 0) -> object:
    """Make some value of JSON."""
    simple = (None, True, -1, 0, 1.5, 1e308, 1 << 70, "", "x", "\x00", "../x", "a" * 500, "\ud800", "f" * 64, "0" * 32)
    kind = chance.randrange(10)
    if depth < 3 and kind == 0:
        return [_anything(chance, depth + 1) for _ in range(chance.randrange(5))]
    if depth < 3 and kind == 1:
        return {str(chance.choice(simple)): _anything(chance, depth + 1) for _ in range(chance.randrange(4))}
    return chance.choice(simple)


# --- the ways ----------------------------------------------------------------------------------------------------


def another_type(parts: Parts, chance: random.Random, _: Parts) -> Parts:
    """Make one field, or one thing inside it, something else."""
    name = chance.choice([*parts.hit, *parts.rest])
    value = parts.hit.get(name, parts.rest.get(name))
    if isinstance(value, list) and value and chance.random() < 0.6:
        value = list(value)
        value[chance.randrange(len(value))] = _anything(chance)
        return _changed(parts, name, value)
    return _changed(parts, name, _anything(chance))


def a_missing_field(parts: Parts, chance: random.Random, _: Parts) -> Parts:
    """Leave one out."""
    gone = chance.choice([*parts.hit, *parts.rest])
    hit = {name: value for name, value in parts.hit.items() if name != gone}
    return replace(parts, hit=hit, rest={name: value for name, value in parts.rest.items() if name != gone})


def traversal(parts: Parts, chance: random.Random, _: Parts) -> Parts:
    """Name something outside of the store, wherever a name stands."""
    evil = chance.choice(_EVIL_NAMES)
    name = chance.choice(("files", "files", "payload", "attempt", "slot", "raw_files"))
    if name == "files":
        ((_, size, digest),) = parts.hit["files"]
        return _changed(parts, "files", [[evil, size, digest]])
    if name == "slot":
        slot = list(parts.hit["slot"])
        slot[chance.randrange(3)] = evil
        return _changed(parts, "slot", slot)
    return _changed(parts, name, [["raw/x", evil, 1, "f" * 64]] if name == "raw_files" else evil)


def a_lie_about_sizes(parts: Parts, chance: random.Random, _: Parts) -> Parts:
    """Announce other sizes than there are: of a file, of a list beside the payload, of the sections."""
    kind, size = chance.randrange(3), chance.choice(_EVIL_SIZES)
    if kind == 0:
        ((name, _, digest),) = parts.hit["files"]
        return _changed(parts, "files", [[name, size, digest]])
    if kind == 1:
        name = chance.choice(("trace", "inherited", "revisions", "files", "behaviour"))
        hit = {key: value for key, value in parts.hit.items() if key != name}
        return replace(parts, hit=hit, rest={**parts.rest, "side": {name: [size, "f" * 64]}})
    lengths = tuple(chance.choice((0, 1, 4096, 4097, 65_536, 99_999)) for _ in range(3))
    return replace(parts, lengths=lengths)  # type: ignore[arg-type]


def another_entry(parts: Parts, chance: random.Random, other: Parts) -> Parts:
    """Put another stage's entry in its place, or lend it parts of that."""
    if chance.random() < 0.3:
        return other
    name = chance.choice(("slot", "files", "payload", "attempt", "format", "value_digest", "inline"))
    return _changed(parts, name, other.hit[name])


def depth(parts: Parts, chance: random.Random, _: Parts) -> Parts:
    """Nest one field as deep as the limits of its section allow, and deeper."""
    name = chance.choice([*parts.hit, *parts.rest])
    levels = chance.choice((100, 500, 1100, 20_000 if name in parts.rest else 1900, 49_000))
    opening, closing = chance.choice((("[", "]"), ('{"a":', "}")))
    text = opening * levels + "1" + closing * levels
    return replace(parts, raw={name: text[: 60_000 + chance.randrange(2)]})


def a_number_without_end(parts: Parts, chance: random.Random, _: Parts) -> Parts:
    """Write a number that takes long to read, or is none."""
    name = chance.choice(("created", "expires", "files", "seconds_computing", "raw_files"))
    return replace(parts, raw={name: chance.choice(("9" * 3000, "1e99999", "-1e99999", "NaN", "Infinity", "0" * 99))})


def a_pickle(parts: Parts, chance: random.Random, other: Parts) -> Parts:
    """Bring something to run: as a pickle, or as another format that could hold one."""
    name = chance.choice(("pickle", "pickle", "npy", "json", "parquet"))
    run = pickle.dumps(Canary(os.environ["WHORL_CANARY"]))
    if name == "npy":
        run = (
            b"\x93NUMPY\x01\x00v\x00"
            + f"{{'descr': '|O', 'fortran_order': False, 'shape': (1,), }}{' ' * 60}\n".encode()
            + run
        )
    suffix = {"pickle": "data.pickle", "npy": "data.npy", "json": "data.json", "parquet": "data.parquet"}[name]
    changed = _changed(parts.with_payload(run), "format", name)
    return _changed(changed, "files", [[suffix, *changed.hit["files"][0][1:]]])


def another_format(parts: Parts, chance: random.Random, _: Parts) -> Parts:
    """Say that the payload is something else."""
    changed = _changed(parts, "format", chance.choice(_EVIL_FORMATS))
    return _changed(changed, "format_options", {chance.choice(("types", "sep", "allow_pickle")): _anything(chance)})


def an_input_without_end(parts: Parts, chance: random.Random, _: Parts) -> Parts:
    """Claim that the value was made from something that cannot be read to its end."""
    row = [chance.choice(_EVIL_PATHS), chance.choice(("file", "folder", "glob", "x")), "f" * 64]
    return _changed(parts, chance.choice(("trace", "inherited")), [[], [row], []])


def a_bomb(parts: Parts, chance: random.Random, _: Parts) -> Parts:
    """Bring a small payload that claims to be large."""
    return parts.with_payload(BOMBS[parts.hit["format"]](chance, parts.payload))


def _json_bomb(chance: random.Random, _: bytes) -> bytes:
    return chance.choice((b"[" * 30_000, b"9" * 30_000, b"[" * 15_000 + b"]" * 15_000, b'{"a":' * 6_000))


def _npy_bomb(chance: random.Random, _: bytes) -> bytes:
    shape = chance.choice(("(4000000000,)", "(-7,)", "(99999, 99999, 99999)", "(1e9,)", "((((1,),),),)"))
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\x00" * 40_000


def _parquet_bomb(chance: random.Random, sound: bytes) -> bytes:
    claimed = chance.choice((0, 1, len(sound), 1 << 30, (1 << 31) - 1, (1 << 32) - 1)).to_bytes(4, "little")
    return chance.choice((sound[:-8], sound[:4], sound[: len(sound) // 2])) + claimed + b"PAR1"


BOMBS: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "json": _json_bomb,
    "npy": _npy_bomb,
    "parquet": _parquet_bomb,
}
WAYS: tuple[Callable[[Parts, random.Random, Parts], Parts], ...] = (
    another_type, a_missing_field, traversal, a_lie_about_sizes, another_entry, depth, a_number_without_end, a_pickle,
    another_format, an_input_without_end, a_bomb,
)  # fmt: skip
