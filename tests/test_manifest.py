"""What a manifest's record promises: nothing is lost, nothing damaged or hostile passes."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_examples import digest, inline_files, manifest, slot
from whorl.digest import Digest, Hasher
from whorl.errors import CorruptEntryError, StoreError
from whorl.key import Component
from whorl.store.codec import HIT_LIMIT, RECORD_LIMIT, decode_manifest, encode_manifest
from whorl.store.manifest import Manifest, PayloadFile, RawFile, Slot, Trace, TracedInput
from whorl.store.signing import ED25519, HMAC, new_key

LONG = 2000


class Sides:
    """Side files in a mapping, counted when they are read."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.read_names: list[str] = []

    def read(self, payload: str, name: str, size: int) -> bytes:
        self.read_names.append(name)
        if name not in self.files or len(self.files[name]) != size:
            raise CorruptEntryError(f"no side file {name} in {payload}")
        return self.files[name]


def _raw_files(number: int) -> tuple[RawFile, ...]:
    return tuple(RawFile("raw/data", f"file {index}", index, digest(str(index))) for index in range(number))


def test_a_manifest_comes_back_as_it_was() -> None:
    """Every field survives, inline bytes included."""
    before = manifest(**inline_files({"value.json": b"[1]", "more/deep.bin": b""}))

    assert decode_manifest(encode_manifest(before).data) == before


def test_equal_manifests_give_equal_bytes() -> None:
    """The order in which mappings were filled does not show."""
    left = manifest(arguments={"a": "1", "b": "2"})
    right = manifest(arguments={"b": "2", "a": "1"})

    assert encode_manifest(left) == encode_manifest(right)


def test_a_decoded_manifest_survives_pickle_and_replace() -> None:
    """Its unread part travels along, to other processes too."""
    before = manifest()
    decoded = decode_manifest(encode_manifest(before).data)

    assert pickle.loads(pickle.dumps(decoded)) == before
    assert replace(decode_manifest(encode_manifest(before).data), attempt="b" * 32).components == before.components


def test_what_a_hit_needs_stands_in_the_first_four_kibibytes() -> None:
    """Neither a wide raw folder nor long provenance pushes it out."""
    data = encode_manifest(manifest(raw_files=_raw_files(100), arguments={"x": "y" * LONG})).data
    hit_length = int(data.split()[2])

    assert hit_length <= HIT_LIMIT
    for needed in (b"attempt", b"payload", b"trace", b"format_options", b"value_digest", b"behaviour", b"revisions"):
        assert b'"%s":' % needed in data[: 200 + hit_length]


def test_long_lists_go_to_side_files() -> None:
    """A record never exceeds 64 KiB; what does not fit is read when it is asked for, and only then."""
    before = manifest(raw_files=_raw_files(LONG), **inline_files({"v": b"x" * 32768}))
    record = encode_manifest(before)
    sides = Sides(dict(record.side))
    decoded = decode_manifest(record.data, sides)

    assert len(record.data) <= RECORD_LIMIT
    assert sides.read_names == []
    assert decoded.raw_files == before.raw_files
    assert decoded == before


def test_a_long_trace_is_read_with_the_manifest() -> None:
    """A hit needs it, so it is there or the entry is not sound."""
    inputs = tuple(TracedInput(f"raw/{index}.csv", "file", digest(str(index))) for index in range(LONG))
    before = manifest(trace=Trace(inputs=inputs))
    record = encode_manifest(before)

    assert decode_manifest(record.data, Sides(dict(record.side))) == before
    with pytest.raises(CorruptEntryError):
        decode_manifest(record.data, Sides({}))
    with pytest.raises(CorruptEntryError):
        decode_manifest(record.data)


def test_a_trace_that_is_only_a_little_long_goes_to_the_rest() -> None:
    """Beyond the hit record, but within the one read."""
    inputs = tuple(TracedInput(f"raw/{index}.csv", "file", digest(str(index))) for index in range(100))
    before = manifest(trace=Trace(inputs=inputs))
    record = encode_manifest(before)

    assert not record.side
    assert decode_manifest(record.data) == before


def test_a_damaged_side_file_is_noticed() -> None:
    """Its digest stands in the manifest."""
    record = encode_manifest(manifest(raw_files=_raw_files(LONG)))
    damaged = {name: data.replace(b"file 7", b"file 8") for name, data in record.side.items()}
    decoded = decode_manifest(record.data, Sides(damaged))

    with pytest.raises(CorruptEntryError):
        _ = decoded.raw_files


def test_a_flipped_bit_anywhere_is_noticed() -> None:
    """Every bit of every byte, header and inline bytes included."""
    data = encode_manifest(manifest(**inline_files({"value.json": b"[1]"}))).data
    survivors = []
    for at in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[at] ^= 1 << bit
            if _is_sound(bytes(flipped)):
                survivors.append((at, bit))

    assert survivors == []


def test_every_truncation_is_noticed() -> None:
    """So is anything appended."""
    data = encode_manifest(manifest(**inline_files({"value.json": b"[1]"}))).data
    survivors = [length for length in range(len(data)) if _is_sound(data[:length])]

    assert survivors == []
    assert not _is_sound(data + b"\0")
    assert not _is_sound(data + data)


def test_a_flipped_bit_or_a_cut_in_a_signed_record_is_noticed_by_those_without_keys() -> None:
    """The signature is covered like all else, and a record that lost it is damaged, not unsigned."""
    data = encode_manifest(manifest(**inline_files({"value.json": b"[1]"})), new_key(HMAC)).data
    flipped = [
        data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :] for at in range(len(data)) for bit in range(8)
    ]

    assert _is_sound(data)
    assert not any(map(_is_sound, flipped))
    assert not any(_is_sound(data[:length]) for length in range(len(data)))
    assert not _is_sound(data + b"\n")


@pytest.mark.parametrize("scheme", [ED25519, HMAC])
def test_a_signed_manifest_is_written_again_as_the_same_bytes(scheme: str) -> None:
    """Copies between tiers keep the signature, with and without side files, whoever makes them."""
    key = new_key(scheme)
    for before in (manifest(), manifest(raw_files=_raw_files(LONG), **inline_files({"v": b"x" * 32768}))):
        record = encode_manifest(before, key)
        decoded = decode_manifest(record.data, Sides(dict(record.side)))

        assert encode_manifest(decoded) == record
        assert encode_manifest(decoded, new_key(HMAC)) == record
        assert decoded.signature is not None
        assert key.checks(decoded.signature)


def test_signing_moves_nothing_in_a_record() -> None:
    """Which lists go to side files does not hang on whether there is a signature: the limit is the same."""
    for number in range(440, 500, 3):
        before = manifest(raw_files=_raw_files(number), **inline_files({"v": b"x" * 4096}))
        signed = encode_manifest(before, new_key(ED25519))

        assert signed.side == encode_manifest(before).side
        assert len(signed.data) <= RECORD_LIMIT


def test_a_changed_manifest_loses_its_signature() -> None:
    """What was signed is not what would be written; only the one who changes it can vouch for it."""
    key = new_key(HMAC)
    decoded = decode_manifest(encode_manifest(manifest(), key).data)
    changed = replace(decoded, attempt="b" * 32)

    assert encode_manifest(changed).signature is None
    assert b" -\n" in encode_manifest(changed).data
    again = encode_manifest(changed, key).signature
    assert again is not None
    assert again != decoded.signature
    assert key.checks(again)


def _is_sound(data: bytes) -> bool:
    try:
        decode_manifest(data)
    except CorruptEntryError:
        return False
    return True


def _resealed(change: object, part: str = "hit") -> bytes:
    """Encode a manifest with something else in it, digests right: what someone hostile would do."""
    data = encode_manifest(manifest(**inline_files({"value.json": b"[1]"}))).data
    header, _, sections = data.partition(b"\n")
    hit_length, rest_length = int(header.split()[2]), int(header.split()[3])
    texts = {"hit": sections[:hit_length], "rest": sections[hit_length : hit_length + rest_length]}
    texts[part] = json.dumps(change(json.loads(texts[part]))).encode()  # type: ignore[operator]
    inline = sections[hit_length + rest_length :]
    sizes = b"%05d %05d %05d" % (len(texts["hit"]), len(texts["rest"]), len(inline))
    digests = b" ".join(Hasher(texts[name]).hexdigest().encode() for name in ("hit", "rest"))
    return b"whorl 1 " + sizes + b" " + digests + b" -\n" + texts["hit"] + texts["rest"] + inline


def test_an_unchanged_manifest_sealed_again_is_sound() -> None:
    """The next tests change one thing at a time in exactly this."""
    assert _is_sound(_resealed(lambda hit: hit))


NOT_VALUES = [None, True, -1, 1.5, 10**30, "x", [], [[]], {}, {"a": 1}, "../x", [["../x", 3, "0" * 64]]]


def _hit_names() -> list[str]:
    data = encode_manifest(manifest()).data
    return sorted(json.loads(data.partition(b"\n")[2][: int(data.split()[2])]))


@pytest.mark.parametrize("name", _hit_names())
def test_a_field_of_another_type_is_refused(name: str) -> None:
    """Whatever stands in a field is of its type in the end, or the manifest is not sound."""
    good = decode_manifest(_resealed(lambda hit: hit))
    for wrong in NOT_VALUES:
        data = _resealed(lambda hit, wrong=wrong: {**hit, name: wrong})
        if _is_sound(data):
            got = getattr(decode_manifest(data), name)
            assert type(got) is type(getattr(good, name)) or got is None or isinstance(got, float | str)
    assert not _is_sound(_resealed(lambda hit: {key: value for key, value in hit.items() if key != name}))


@pytest.mark.parametrize("name", ["components", "raw_files", "provenance", "not_followed", "arguments"])
def test_a_later_field_of_another_type_is_refused_when_it_is_read(name: str) -> None:
    """They are parsed when they are used, as strictly."""
    for wrong in (1, "x", [1], [[1]], {"a": []} if name == "arguments" else None):
        decoded = decode_manifest(_resealed(lambda rest, wrong=wrong: {**rest, name: wrong}, "rest"))
        with pytest.raises(CorruptEntryError):
            getattr(decoded, name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "/etc/passwd",
        "a/../b",
        "a//b",
        "a/",
        "/a",
        "a\\b",
        "a\0b",
        "ü",
        "a b",
        "x" * 129,
        "a/" * 600 + "a",
        "C:x",
    ],
)
def test_a_payload_file_cannot_lead_elsewhere(name: str) -> None:
    """Names are safe segments; nothing is absolute and nothing goes up."""
    data = _resealed(lambda hit: {**hit, "files": [[name, 3, hit["files"][0][2]]]})

    assert not _is_sound(data)


def test_two_files_of_one_name_are_refused() -> None:
    """Which one would be read is anyone's guess."""
    empty = Hasher(b"").hexdigest()

    assert not _is_sound(_resealed(lambda hit: {**hit, "files": [*hit["files"], ["value.json", 0, empty]]}))


@pytest.mark.parametrize("attempt", ["", "a" * 31, "a" * 33, "../" + "a" * 29, "A" * 32, "a" * 31 + "\n"])
def test_an_attempt_is_32_hex_digits(attempt: str) -> None:
    """It becomes a path."""
    assert not _is_sound(_resealed(lambda hit: {**hit, "attempt": attempt}))
    assert not _is_sound(_resealed(lambda hit: {**hit, "payload": attempt}))


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 400])
def test_a_number_is_finite(text: bytes) -> None:
    """Python's JSON reads more than JSON has."""
    data = _replaced(b"1700000000.25", text)

    assert not _is_sound(data)


def _replaced(before: bytes, after: bytes) -> bytes:
    """Encode a manifest with another text in its hit record, digests right."""
    header, _, sections = _resealed(lambda hit: hit).partition(b"\n")
    words = header.split()
    hit, rest = sections[: int(words[2])], sections[int(words[2]) :]
    assert before in hit
    hit = hit.replace(before, after)
    words[2], words[5] = b"%05d" % len(hit), Hasher(hit).hexdigest().encode()
    return b" ".join(words) + b"\n" + hit + rest


def test_deep_json_is_refused() -> None:
    """The parser's recursion ends in an answer, not in a crash."""
    data = _replaced(b'{"indent": 2}', b"[" * 1900 + b"]" * 1900)

    assert not _is_sound(data)


def test_inline_bytes_beyond_the_limit_are_refused_when_written() -> None:
    """32 KiB is what a manifest holds."""
    with pytest.raises(StoreError):
        encode_manifest(manifest(**inline_files({"v": b"x" * 32769})))


def test_a_manifest_holds_json_only() -> None:
    """An option that JSON cannot hold is refused when it is written."""
    for option in ({"x": object()}, {"x": float("nan")}, {"x": b"1"}):
        with pytest.raises(StoreError):
            encode_manifest(manifest(format_options=option))


def test_a_stage_name_that_fills_a_record_is_refused_when_written() -> None:
    """Names are in the hit record, which has an end."""
    with pytest.raises(StoreError, match="too long"):
        encode_manifest(manifest(Slot("default", "x" * 5000, digest("k"))))


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    """Reading fields late does not make every name a field."""
    decoded = decode_manifest(encode_manifest(manifest()).data)

    assert not hasattr(decoded, "nonsense")
    assert not hasattr(decoded, "__wrapped__")


texts = st.text(max_size=40)
digests = st.binary(min_size=32, max_size=32).map(Digest)
times = st.floats(allow_nan=False, allow_infinity=False, width=64)
behaviours = st.lists(st.tuples(texts, digests | texts), max_size=5).map(tuple)
files = st.dictionaries(st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True), st.binary(max_size=300), max_size=4)


@given(
    names=st.tuples(texts, texts, digests),
    contents=files,
    when=times,
    expires=st.none() | times,
    behaviour=behaviours,
    components=st.lists(st.builds(Component, texts, digests), max_size=5).map(tuple),
    arguments=st.dictionaries(texts, texts, max_size=5),
    not_followed=st.lists(texts, max_size=5).map(tuple),
    value_digest=st.none() | digests,
)
def test_any_manifest_comes_back(
    names: tuple[str, str, Digest], contents: dict[str, bytes], when: float, **others: object
) -> None:
    """Unicode, newlines and lone surrogates in user text, any digest, any finite time."""
    before = manifest(Slot(*names), created=when, **inline_files(contents), **others)

    assert decode_manifest(encode_manifest(before).data) == before


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    """Nothing but a CorruptEntryError comes out of nonsense."""
    with pytest.raises(CorruptEntryError):
        decode_manifest(data)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8), st.data()
)
def test_hostile_fields_never_raise_anything_else(value: object, data: st.DataObject) -> None:
    """A manifest with right digests and wrong contents is refused in one way only."""
    name = data.draw(st.sampled_from(_hit_names()))
    sealed = _resealed(lambda hit: {**hit, name: value})
    try:
        decoded = decode_manifest(sealed)
    except CorruptEntryError:
        return

    assert isinstance(decoded, Manifest)
    assert all(isinstance(file, PayloadFile) for file in decoded.files)


def test_the_slot_is_part_of_the_record() -> None:
    """An entry copied to another key's place says so."""
    data = encode_manifest(manifest(slot("one"))).data

    assert decode_manifest(data).slot == slot("one") != slot("two")
