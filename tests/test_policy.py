"""What may be decoded and stored: pickles from elsewhere, signatures, and what a strange entry makes a process do."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from hostile import canary_pickle, tamper, with_files
from store_examples import digest, manifest
from whorl import ConfigError, config, stage
from whorl.errors import SignatureError, StoreWarning
from whorl.formats.base import runs_code
from whorl.outcome import observe
from whorl.settings import PICKLE
from whorl.store.codec import decode_manifest, encode_manifest
from whorl.store.local import LocalStore
from whorl.store.manifest import Trace, TracedCall, TracedInput
from whorl.store.policy import Policy, Seal
from whorl.store.signing import ED25519, HMAC, new_key, write_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from whorl.store.manifest import Manifest
    from whorl.store.signing import Key


@stage(cache=True)
def third() -> Fraction:
    """Return what only pickle can hold."""
    return Fraction(1, 3)


@stage(cache=True)
def numbers() -> list[int]:
    """Return what json can hold."""
    return [1, 2, 3]


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "whorl.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("whorl.access._warned", set())


def _key(tmp_path: Path, scheme: str = ED25519) -> tuple[Key, str]:
    key, path = new_key(scheme), str(tmp_path / f"key-{new_key(scheme).id}")
    write_key(key, path)
    return key, path


def _kind(call: object) -> str:
    """Call a stage and give how it was answered."""
    with observe() as seen:
        call()  # type: ignore[operator]
    return seen[-1].kind


def _signed(of: Manifest, key: Key) -> Manifest:
    return decode_manifest(encode_manifest(of, key).data)


# --- the table ----------------------------------------------------------------------------------------------------


TRUSTED, STRANGE = new_key(HMAC), new_key(HMAC)
SIGNED_BY = {"nobody": None, "trusted": TRUSTED, "strange": STRANGE}


@pytest.mark.parametrize("setting", PICKLE)
@pytest.mark.parametrize("signed_by", sorted(SIGNED_BY))
@pytest.mark.parametrize("is_own", [True, False])
def test_a_pickle_is_decoded_where_the_table_says_so(setting: str, signed_by: str, *, is_own: bool) -> None:
    """Local: one's own, or signed; signed: signed alone; never and any mean what they say.  A strange key is none."""
    key = SIGNED_BY[signed_by]
    entry = manifest(format="pickle") if key is None else _signed(manifest(format="pickle"), key)
    policy = Policy(runs_code, setting, keys=(TRUSTED,))
    is_signed = signed_by == "trusted"
    expected = {"local": is_own or is_signed, "signed": is_signed, "never": False, "any": True}[setting]

    assert (policy.refusal(entry, is_own=is_own) is None) == expected


@pytest.mark.parametrize("is_own", [True, False])
def test_other_formats_need_no_signature_unless_one_is_required(*, is_own: bool) -> None:
    """A public mirror without signatures is a normal case."""
    entry = manifest(format="json")
    strict = Policy(runs_code, require_signature=True, keys=(TRUSTED,))

    assert all(Policy(runs_code, setting).refusal(entry, is_own=is_own) is None for setting in PICKLE)
    assert strict.refusal(entry, is_own=is_own) is not None
    assert strict.refusal(_signed(entry, STRANGE), is_own=is_own) is not None
    assert strict.refusal(_signed(entry, TRUSTED), is_own=is_own) is None


def test_a_format_that_nobody_knows_counts_as_one_that_runs_code() -> None:
    """A plugin that does not say what it does may do anything."""
    entry = manifest(format="no such format")

    assert Policy(runs_code).refusal(entry, is_own=False) is not None
    assert [name for name in ("arrow", "csv", "feather", "json", "npy", "parquet", "pickle") if runs_code(name)] == [
        "pickle"
    ]


def test_a_signature_is_of_one_manifest() -> None:
    """What another key's entry was signed with says nothing about this one: swapped entries are not signed."""
    signed = _signed(manifest(format="pickle"), TRUSTED)
    taken = decode_manifest(encode_manifest(manifest(format="pickle", code=digest("other"))).data)
    forged = decode_manifest(_with_trailer(encode_manifest(taken).data, encode_manifest(signed).data))
    policy = Policy(runs_code, keys=(TRUSTED,))

    assert policy.is_signed(signed)
    assert not policy.is_signed(forged)


def _with_trailer(unsigned: bytes, signed: bytes) -> bytes:
    """Put the signature of one record behind another."""
    return unsigned.replace(b" -\n", b" s\n", 1) + b"\n".join(signed.rsplit(b"}", 1)[1:])


# --- a pickle from elsewhere never runs ---------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["local", "signed", "never"])
def test_a_pickle_in_a_mirror_never_runs(tmp_path: Path, setting: str) -> None:
    """It is a miss with one warning, before a byte of it is read; the value is computed."""
    assert _plant(tmp_path, "mirror") == 1
    with (
        config.options(**_of_mirror(tmp_path), pickle=setting, mode="read_only"),
        pytest.warns(StoreWarning, match="not used"),
    ):
        value = third()

    assert value == Fraction(1, 3)
    assert not (tmp_path / "canary").exists()


def test_a_pickle_in_a_mirror_runs_where_any_may(tmp_path: Path) -> None:
    """The trap works: without the policy it would have fired above."""
    _plant(tmp_path, "mirror")
    with config.options(**_of_mirror(tmp_path), pickle="any"):
        third()

    assert (tmp_path / "canary").exists()


def test_a_pickle_of_ones_own_store_needs_no_signature(tmp_path: Path) -> None:
    """Nobody but its owner can write there; with never, not even that is decoded."""
    with config.options(filesystem=str(tmp_path / "own")):
        assert [_kind(third), _kind(third)] == ["ran", "hit"]
        with config.options(pickle="never"), pytest.warns(StoreWarning, match="never"):
            assert _kind(third) == "ran"


def test_strict_raises_where_an_entry_is_refused(tmp_path: Path) -> None:
    """Nothing is computed behind the back of someone who wants to know."""
    _plant(tmp_path, "mirror")
    with config.options(**_of_mirror(tmp_path), strict=True), pytest.raises(SignatureError) as caught:
        third()

    assert "not signed" in caught.value.cause
    assert "keygen" in caught.value.tip
    assert not (tmp_path / "canary").exists()


def test_a_refused_entry_is_warned_of_once(tmp_path: Path) -> None:
    """A loop over a thousand calls shall not say it a thousand times."""
    _plant(tmp_path, "mirror")
    with config.options(**_of_mirror(tmp_path), mode="read_only"):
        with pytest.warns(StoreWarning) as caught:
            third()
        third()

    assert len(caught) == 1


def test_pulling_does_not_make_a_strange_pickle_ones_own(tmp_path: Path) -> None:
    """A copy in the local tier would count as local; so it is never made."""
    from whorl.transfer import open_ends, pull

    _plant(tmp_path, "mirror")
    with config.options(**_of_mirror(tmp_path)):
        done = pull(open_ends(config.settings()), lambda _: True)

    assert (done.copied, done.refused) == (0, 1)
    assert list(LocalStore(tmp_path / "own").entries()) == []


def test_a_signed_pickle_is_taken_from_a_mirror(tmp_path: Path) -> None:
    """With the public key alone."""
    key, path = _key(tmp_path)
    with config.options(filesystem=str(tmp_path / "mirror"), sign_with=path):
        third()
    with config.options(**_of_mirror(tmp_path), trusted_keys=[key.text], mode="local"):
        assert _kind(third) == "hit"
        assert _kind(third) == "hit"  # from the copy
    copy = next(LocalStore(tmp_path / "own").entries())

    assert copy.signature is not None
    assert key.checks(copy.signature)


def test_tampering_with_a_signed_pickle_makes_it_unsigned(tmp_path: Path) -> None:
    """Whoever can write the store can replace the entry, and not sign it."""
    key, path = _key(tmp_path)
    with config.options(filesystem=str(tmp_path / "mirror"), sign_with=path):
        third()
    tamper(tmp_path / "mirror", lambda entry: with_files(entry, canary_pickle(tmp_path / "canary")))
    with config.options(**_of_mirror(tmp_path), trusted_keys=[key.text]), pytest.warns(StoreWarning):
        assert third() == Fraction(1, 3)

    assert not (tmp_path / "canary").exists()


# --- what is written ----------------------------------------------------------------------------------------------


def test_an_unsigned_pickle_is_not_written_to_a_shared_store(tmp_path: Path) -> None:
    """It could never be served; the value is returned all the same, and the tip says what to do."""
    with config.options(filesystem="memory://policy-unsigned", local=str(tmp_path / "near")):
        with pytest.warns(StoreWarning, match="keygen"):
            value = third()
        assert _kind(third) == "hit"  # the local tier has it
        assert _kind(numbers) == "ran"
    with config.options(filesystem="memory://policy-unsigned", mode="read_only_strict"):
        assert numbers() == [1, 2, 3]

    assert value == Fraction(1, 3)
    with config.options(filesystem="memory://policy-unsigned", mode="read_only"):
        assert _kind(third) == "ran"


def test_a_signed_pickle_is_shared(tmp_path: Path) -> None:
    """Root and local tier have the same record."""
    key, path = _key(tmp_path, HMAC)
    with config.options(filesystem="memory://policy-signed", local=str(tmp_path / "near"), sign_with=path):
        assert _kind(third) == "ran"
    with config.options(filesystem="memory://policy-signed", mode="read_only", trusted_keys=[path]):
        assert _kind(third) == "hit"
    near = next(LocalStore(tmp_path / "near").entries())

    assert near.signature is not None
    assert key.checks(near.signature)


@pytest.mark.parametrize("setting", ["never", "signed"])
def test_what_would_never_be_served_is_not_written(tmp_path: Path, setting: str) -> None:
    """Not even into one's own store."""
    with (
        config.options(filesystem=str(tmp_path / "own"), pickle=setting),
        pytest.warns(StoreWarning, match="not stored"),
    ):
        third()

    assert list(LocalStore(tmp_path / "own").entries()) == []


def test_unsigned_entries_are_misses_where_signatures_are_required(tmp_path: Path) -> None:
    """They are computed, signed and replaced."""
    key, path = _key(tmp_path)
    with config.options(filesystem=str(tmp_path / "own")):
        numbers()
        with config.options(require_signature=True, sign_with=path):
            with pytest.warns(StoreWarning, match="require_signature"):
                assert _kind(numbers) == "ran"
            assert _kind(numbers) == "hit"
        with config.options(require_signature=True, trusted_keys=[key.text]):
            assert _kind(numbers) == "hit"


def test_nobody_signs_what_a_stranger_made(tmp_path: Path) -> None:
    """Copying an unsigned entry does not sign it, and sharing its payload under another key does not either."""
    key, _ = _key(tmp_path)
    seal = Seal(Policy(runs_code, keys=(key,), signer=key), is_own=False)
    strange, own = manifest(), _signed(manifest(), key)
    kept = replace(manifest(), code=digest("another key's"))

    assert seal.for_kept(kept, strange) is None
    assert seal.for_kept(kept, own) == key
    assert replace(seal, is_own=True).for_kept(kept, strange) == key
    assert seal.for_new(kept) == key
    source, target = LocalStore(tmp_path / "a"), LocalStore(tmp_path / "b", seal=seal)
    attempt = source.begin(strange.slot)
    attempt.write("data.json", b"1")
    entry = source.commit(attempt, strange, replace=lambda _: True)
    copied = target.adopt(entry, source.reader(entry))
    assert copied.signature is None
    found = target.lookup(strange.slot)
    assert found is not None
    assert found.signature is None


# --- what checking a strange entry must not do --------------------------------------------------------------------


NEVER_LOADED = "this_module_would_run_code"


def _strange_traces() -> Iterator[Trace]:
    call = TracedCall("x", "default", NEVER_LOADED, "x", digest("d"), (), digest("k"), "", None)
    yield Trace(calls=(call,))
    yield Trace(types=((f"{NEVER_LOADED}:Model", digest("class")),))
    yield Trace(inputs=(TracedInput("http://127.0.0.1:9/x", "url", digest("i")),))


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("part", ["trace", "inherited"])
def test_a_strange_entry_makes_nobody_import_or_ask_for_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: int, part: str
) -> None:
    """Modules and URLs that a manifest of someone unknown names are left alone: it is a miss."""
    (tmp_path / f"{NEVER_LOADED}.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'canary')!r})\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    asked: list[object] = []
    monkeypatch.setattr("socket.socket.connect", lambda *where: asked.append(where))
    with config.options(filesystem=str(tmp_path / "mirror")):
        numbers()
    trace = list(_strange_traces())[which]
    tamper(tmp_path / "mirror", lambda entry: replace(entry, **{part: trace}))
    with config.options(**_of_mirror(tmp_path)):
        assert _kind(numbers) == "ran"

    assert asked == []
    assert not (tmp_path / "canary").exists()
    assert NEVER_LOADED not in sys.modules


# --- settings -----------------------------------------------------------------------------------------------------


def test_settings_of_the_policy_are_checked(tmp_path: Path) -> None:
    """A misspelt choice names the right one; a secret in a configuration is refused and not shown."""
    with pytest.raises(ConfigError) as caught, config.options(pickle="singed"):
        pass
    assert "signed" in caught.value.tip
    with pytest.raises(ConfigError), config.options(require_signature="yes"):
        pass
    for wrong in ("one", [1], ["hmac-sha256:5ec2e7"], ["whorl-private-key ed25519 5ec2e7"]):
        with pytest.raises(ConfigError) as caught, config.options(trusted_keys=wrong):
            pass
        assert "5ec2e7" not in str(caught.value)


def test_a_key_that_cannot_be_used_stops_the_call(tmp_path: Path) -> None:
    """Going on without it would store unsigned entries for months."""
    key, _ = _key(tmp_path)
    (tmp_path / "public").write_text(key.text)
    for path in (tmp_path / "absent", tmp_path / "public"):
        with config.options(filesystem=str(tmp_path / "own"), sign_with=str(path)), pytest.raises(ConfigError):
            numbers()


def test_keys_in_files_and_the_environment_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in a file are relative to the file; public keys stay as they are."""
    key, _ = _key(tmp_path)
    (tmp_path / "whorl.toml").write_text(f'trusted_keys = ["{key.text}", "team.key"]\nsign_with = "mine.key"\n')
    config.forget_files()
    found = config.settings()
    monkeypatch.setenv("WHORL_TRUSTED_KEYS", f"{key.text}, /other.key")

    assert found.trusted_keys == (key.text, str(tmp_path / "team.key"))
    assert found.sign_with == str(tmp_path / "mine.key")
    assert config.settings().trusted_keys == (key.text, "/other.key")


def _of_mirror(tmp_path: Path) -> dict[str, object]:
    return {"filesystem": str(tmp_path / "own"), "mirrors": {"lab": {"filesystem": str(tmp_path / "mirror")}}}


def _plant(tmp_path: Path, where: str) -> int:
    """Store the pickle in a folder, and replace it by one that touches the canary."""
    with config.options(filesystem=str(tmp_path / where)):
        third()
    return tamper(tmp_path / where, lambda entry: with_files(entry, canary_pickle(tmp_path / "canary")))
