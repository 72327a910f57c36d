"""Manifests of someone hostile, their digests right: read, or refused by one error, within a bounded memory."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostile import peak_memory
from store_examples import digest, inline_files, manifest
from whorl.digest import Hasher
from whorl.errors import CorruptEntryError, StoreError
from whorl.store import codec
from whorl.store.codec import decode_manifest, encode_manifest
from whorl.store.manifest import RawFile
from whorl.store.signing import HMAC, new_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


MIB = 1 << 20
MOST_MEMORY = 200 * MIB


# --- records ------------------------------------------------------------------------------------------------------


def _record(hit: bytes, rest: bytes, inline: bytes = b"") -> bytes:
    """Make a record of any two texts, its digests right."""
    digests = b" ".join(Hasher(part).hexdigest().encode() for part in (hit, rest))
    return b"whorl 1 %05d %05d %05d %s -\n" % (len(hit), len(rest), len(inline), digests) + hit + rest + inline


def _parts() -> tuple[dict[str, Any], dict[str, Any], bytes]:
    data = encode_manifest(manifest(**inline_files({"value.json": b"[1]"}))).data
    header, _, sections = data.partition(b"\n")
    hit, rest = int(header.split()[2]), int(header.split()[3])
    return json.loads(sections[:hit]), json.loads(sections[hit : hit + rest]), sections[hit + rest :]


def _with(name: str, value: object) -> bytes:
    hit, rest, inline = _parts()
    (hit if name in hit else rest)[name] = value
    return _record(json.dumps(hit).encode(), json.dumps(rest).encode(), inline)


def _read_whole(data: bytes) -> bool:
    """Decode a record with all of its parts; whether it is sound.  Any other exception fails the test."""
    try:
        found = decode_manifest(data)
        for name in ("components", "raw_files", "provenance", "not_followed", "arguments"):
            getattr(found, name)
    except CorruptEntryError:
        return False
    return True


NOT_BELOW = [
    "../x", "..", ".", "/etc/passwd", "a/../../b", "a//b", "a/", "/", "", "a\\..\\b", "C:/x", "a\0b", "a\nb",
    "\u2024\u2024/x", "\uff0e\uff0e/x", "a/\u202e", "x" * 129, "a/" * 600 + "b", "~/x", "a b", "a:b", "%2e%2e/x",
]  # fmt: skip


@pytest.mark.parametrize("name", NOT_BELOW)
def test_no_name_leads_out_of_a_payload(name: str) -> None:
    """Traversal, absolute paths, other separators, look-alikes and lengths."""
    digits = digest("x").hex()

    assert not _read_whole(_with("files", [[name, 3, digits]]))


@pytest.mark.parametrize("name", ["attempt", "payload"])
@pytest.mark.parametrize(
    "value", ["../" + "a" * 29, "A" * 32, "a" * 31, "a" * 33, "a" * 31 + "\n", "\u0660" * 32, 7, None]
)
def test_an_attempt_is_hexadecimal(name: str, value: object) -> None:
    """It becomes the name of a folder."""
    assert not _read_whole(_with(name, value))


@pytest.mark.parametrize(
    "text",
    ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 5000, str(1 << 62), "1e400", '"1"', "true", "[]", "{}"],
)
@pytest.mark.parametrize("name", ["created", "expires", "seconds_computing"])
def test_numbers_are_finite_and_small_enough(name: str, text: str) -> None:
    """What is compared with a clock must be comparable."""
    hit, rest, inline = _parts()
    written = json.dumps({**hit, name: "THIS"}).replace('"THIS"', text).encode()

    assert not _read_whole(_record(written[:4096], json.dumps(rest).encode(), inline))


@pytest.mark.parametrize("size", [-1, 1 << 62, 2, 4, 3.0, "3", True, None])
def test_sizes_are_those_of_the_bytes(size: object) -> None:
    """An inline file of three bytes has three."""
    hit, _, _ = _parts()

    assert not _read_whole(_with("files", [["value.json", size, hit["files"][0][2]]]))


def test_no_name_stands_twice_in_an_object() -> None:
    """One reader would take the first, another the last: they would check different things."""
    hit, rest, inline = _parts()
    text = json.dumps(hit)
    twice = text[:-1] + f', "format": {json.dumps("pickle")}' + "}"

    assert _read_whole(_record(text.encode(), json.dumps(rest).encode(), inline))
    assert not _read_whole(_record(twice.encode(), json.dumps(rest).encode(), inline))
    assert not _read_whole(
        _record(text.encode(), b'{"provenance":{"a":1,"a":2},' + json.dumps(rest).encode()[1:], inline)
    )


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_depth_is_an_error_and_no_crash(opening: str) -> None:
    """In the part that is read at once and in the one that is read later."""
    hit, rest, inline = _parts()
    for many in (1500 // len(opening), 50_000 // len(opening)):
        deep = (opening * many).encode()
        assert not _read_whole(_record(deep[:4000], json.dumps(rest).encode(), inline))
        assert not _read_whole(_record(json.dumps(hit).encode(), deep, inline))


def test_a_signature_of_a_stranger_does_no_harm() -> None:
    """Of an unknown scheme, of any length: the entry is read, the signature is no one's."""
    key = new_key(HMAC)
    data = encode_manifest(manifest(), key).data
    body, text = data[: data.rindex(b"}") + 1], b"quantum-9 " + b"0" * 32 + b" " + b"ab" * 60
    mark = Hasher(text).hexdigest()[:16].encode()
    found = decode_manifest(body + text + b" " + mark + b"\n")

    assert found.signature is not None
    assert not key.checks(found.signature)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.just("a" * 64),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = sorted({*codec._FIXED, *codec._WANTED, *codec._REST, "inline", "side"})


def _check_any_value(name: str, value: object) -> None:
    assert _read_whole(_with(name, value)) in (True, False)


@given(st.sampled_from(FIELDS), JSON_VALUES)
def test_any_value_in_any_field_is_read_or_refused(name: str, value: object) -> None:
    """Nothing but CorruptEntryError comes out."""
    _check_any_value(name, value)


@pytest.mark.faults
@pytest.mark.timeout(600)
@given(st.sampled_from(FIELDS), JSON_VALUES)
@settings(max_examples=10_000, deadline=None)
def test_any_value_in_any_field_is_read_or_refused_at_length(name: str, value: object) -> None:
    """The same for much longer."""
    _check_any_value(name, value)


@pytest.mark.faults
@given(st.binary(max_size=4096), st.binary(max_size=2048), st.binary(max_size=64))
@settings(max_examples=20_000, deadline=None)
def test_any_bytes_are_read_or_refused(hit: bytes, rest: bytes, inline: bytes) -> None:
    """Sections of no JSON at all, with digests that agree."""
    assert not _read_whole(_record(hit, rest, inline))


SIDES: dict[str, Callable[[int], bytes]] = {
    "lists": lambda size: b"[" + b"[]," * (size // 3) + b"[]]",
    "objects": lambda size: b"[" + b"{}," * (size // 3) + b"{}]",
    "floats": lambda size: b"[" + b"1e1," * (size // 4) + b"1]",
    "short texts": lambda size: b"[" + b",".join(b'"%x"' % number for number in range(size // 9)) + b"]",
    "few values": lambda size: b'["' + b"x" * size + b'"]',
    "numbers of lists": lambda size: b"[" * 900 + b"1," * (size // 2) + b"1" + b"]" * 900,
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process")
@pytest.mark.parametrize("name", sorted(SIDES))
def test_a_side_file_takes_little_memory(tmp_path: Path, name: str) -> None:
    """As large as one may be, and full of what takes the most memory for its bytes."""
    (tmp_path / "side").write_bytes(b'{"raw_files":' + SIDES[name](codec.SIDE_LIMIT - 100) + b"}")

    assert peak_memory("side", str(tmp_path / "side")) < MOST_MEMORY


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process")
def test_a_side_file_of_256_mb_is_not_read(tmp_path: Path) -> None:
    """Declared, and there: a sparse file costs whoever plants it nothing."""
    with (tmp_path / "side").open("wb") as file:
        file.truncate(256 * MIB)

    assert peak_memory("side", str(tmp_path / "side")) < MOST_MEMORY


def test_a_list_that_could_not_be_read_is_not_written() -> None:
    """The limit holds for both; nobody stores what no one can use."""
    files = tuple(RawFile("raw/data", f"{'x' * 900}{number}", 1, digest("x")) for number in range(18_000))

    with pytest.raises(StoreError, match="cannot be stored"):
        encode_manifest(manifest(raw_files=files))
