"""Digests, hashers and the encoder: the vocabulary that everything else is made of."""

from __future__ import annotations

import hashlib
import json
import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectors.whorl_vectors import VECTORS, content, digest_bytes, digest_record
from whorl.digest import Digest, Encoder, Hasher

EMPTY = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
PINNED = json.loads(VECTORS.read_text(encoding="utf-8"))
TOKENS = st.one_of(
    st.tuples(st.just("text"), st.text()),
    st.tuples(st.just("bytes"), st.binary()),
    st.tuples(st.just("integer"), st.integers()),
    st.tuples(st.just("digest"), st.binary(min_size=32, max_size=32).map(Digest)),
    st.tuples(st.just("none"), st.none()),
)


def encode(kind: str, tokens: list[tuple[str, object]]) -> Digest:
    encoder = Encoder(kind)
    for word, value in tokens:
        encoder.none() if word == "none" else getattr(encoder, word)(value)
    return encoder.finish()


def test_a_digest_comes_back_from_its_hexadecimal_text() -> None:
    """Hex is what users see and stores write; it says everything."""
    digest = Digest.from_hex(EMPTY)

    assert digest.hex() == str(digest) == EMPTY
    assert digest.bytes == bytes(digest) == bytes.fromhex(EMPTY)
    assert digest.short == EMPTY[:12]
    assert eval(repr(digest), {"Digest": Digest}) == digest


@pytest.mark.parametrize("text", ["", "12", EMPTY[:-1], EMPTY + "0", "g" * 64])
def test_text_that_is_no_digest_is_refused(text: str) -> None:
    """A digest has 64 hexadecimal characters."""
    with pytest.raises(ValueError, match="64 hexadecimal characters"):
        Digest.from_hex(text)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_bytes_of_another_length_are_no_digest(size: int) -> None:
    """A digest has 32 bytes."""
    with pytest.raises(ValueError, match="32 bytes"):
        Digest(bytes(size))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_digests_compare_as_their_bytes_do(left: bytes, right: bytes) -> None:
    """Order and equality are those of the bytes, so that sorted lists agree in every language."""
    first, second = Digest(left), Digest(right)

    assert (first == second, first < second, first >= second) == (left == right, left < right, left >= right)
    assert (hash(first) == hash(second)) or left != right
    assert first != left


def test_a_digest_survives_pickling() -> None:
    """Digests travel to workers."""
    digest = Digest.from_hex(EMPTY)

    assert pickle.loads(pickle.dumps(digest)) == digest


@pytest.mark.parametrize("entry", PINNED["files"], ids=lambda entry: str(entry["size"]))
def test_bytes_have_their_pinned_digest(entry: dict) -> None:
    """Plain BLAKE3, as ``b3sum`` prints it: the vectors are those of every implementation."""
    assert digest_bytes(entry["size"]).hex() == entry["digest"]


@given(st.binary(max_size=5000), st.lists(st.integers(0, 5000), max_size=5))
def test_a_hasher_does_not_see_where_updates_end(data: bytes, cuts: list[int]) -> None:
    """The stream counts, not the pieces it came in."""
    hasher = Hasher()
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        hasher.update(data[start : max(start, end)])

    assert hasher.digest() == Hasher(data).digest()


def test_a_hasher_speaks_as_hashlib_does() -> None:
    """A Hasher can stand where a hash of hashlib stands."""
    hasher = Hasher(b"ab")
    copy = hasher.copy()
    copy.update(memoryview(b"c"))

    assert hasher.hexdigest() == Hasher(b"ab").hexdigest() != copy.hexdigest() == Hasher(b"abc").hexdigest()
    assert (hasher.name, hasher.digest_size, hasher.block_size) == ("blake3", 32, 64)
    assert set(dir(hashlib.sha256())) - {"__init_subclass__"} <= set(dir(hasher)) | {"__annotations__"}


def test_a_hasher_takes_one_block_of_bytes_and_nothing_else() -> None:
    """Text has no bytes until it is encoded, and a view with gaps is not what it seems."""
    with pytest.raises(TypeError):
        Hasher("text")  # type: ignore[arg-type]
    with pytest.raises(BufferError):
        Hasher(memoryview(b"abcd")[::2])


def test_threads_that_share_a_hasher_do_not_wait_for_each_other_forever() -> None:
    """The lock inside is never held by one that waits for the interpreter."""
    hasher, block = Hasher(), content(1 << 20)
    threads = [threading.Thread(target=lambda: [hasher.update(block) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert hasher.hexdigest() == Hasher(block * 80).hexdigest()


@pytest.mark.parametrize("entry", PINNED["records"], ids=lambda entry: entry["digest"][:12])
def test_records_have_their_pinned_digest(entry: dict) -> None:
    """Keys are made of these; one that changes loses every store."""
    assert digest_record(entry).hex() == entry["digest"]


@given(st.lists(TOKENS, max_size=5), st.lists(TOKENS, max_size=5))
def test_two_records_share_a_digest_only_if_their_tokens_are_equal(
    left: list[tuple[str, object]], right: list[tuple[str, object]]
) -> None:
    """The stream tells the tokens back: kinds, borders and values."""
    assert (encode("test", left) == encode("test", right)) == (left == right)


def test_tokens_of_different_kinds_differ() -> None:
    """Text, bytes, numbers and nothing never meet."""
    digests = {
        encode("test", [token])
        for token in [("text", ""), ("bytes", b""), ("integer", 0), ("none", None), ("text", "0"), ("bytes", b"0")]
    }

    assert len(digests) == 6


def test_kinds_keep_equal_records_apart() -> None:
    """A call key is never a content key, whatever they are made of."""
    assert Encoder("call").text("x").finish() != Encoder("content").text("x").finish()


def test_an_encoder_shows_what_it_has_so_far() -> None:
    """To finish is to look: more tokens may follow."""
    encoder = Encoder("test").text("a")
    first = encoder.finish()

    assert first == encoder.finish() == Encoder("test").text("a").finish()
    assert encoder.text("b").finish() == Encoder("test").text("a").text("b").finish() != first


def test_lone_surrogates_are_text_like_any_other() -> None:
    """File names that are not UTF-8 come as lone surrogates."""
    assert len({Encoder("test").text(text).finish() for text in ["\ud800", "\ud801", "?", "\ufffd"]}) == 4
