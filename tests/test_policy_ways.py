"""Each way by which a stored pickle could come to be decoded asks the one policy: restoring, verifying, loading."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import stat
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

import whorl
from hostile import canary_pickle, tamper, with_files
from whorl import File, config
from whorl.cli.commands import program
from whorl.errors import NoEntryError, SignatureError, StoreWarning
from whorl.fingerprint.inputs import digest_input
from whorl.fingerprint.values import hash_value
from whorl.opening import open_place, open_store, places
from whorl.recheck import recheck
from whorl.store.collect import bury
from whorl.store.local import LocalStore
from whorl.store.manifest import Trace, TracedInput
from whorl.store.restore import restore
from whorl.store.signing import HMAC, new_key, write_key
from whorl.transfer import open_ends, pull, push

if TYPE_CHECKING:
    from pathlib import Path

_numbers = itertools.count()


class Odd:
    """What only pickle can hold."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Odd)

    def __hash__(self) -> int:
        return 1


@whorl.stage(cache=True, format="pickle")
def odd() -> Odd:
    return Odd()


@whorl.stage(odd=odd, cache=True)
def after(odd: Odd) -> str:
    return type(odd).__name__


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "whorl.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("whorl.access._warned", set())


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Give the folder that is made when a hostile pickle is decoded."""
    return tmp_path / "song"


@pytest.fixture
def planted(tmp_path: Path, song: Path) -> str:
    """Give a shared root with an unsigned pickle in it that makes the folder."""
    root = f"memory://ways-{os.getpid()}-{next(_numbers)}"
    with config.options(filesystem=str(tmp_path / "theirs")):
        odd()
    tamper(tmp_path / "theirs", lambda entry: with_files(entry, canary_pickle(song)))
    with config.options(filesystem=root, local=str(tmp_path / "theirs"), pickle="any"):
        assert push(open_ends(config.settings()), lambda _: True).copied == 1
    return root


def _quietly(call: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreWarning)
        return call()


def _kind() -> str:
    _quietly(odd)
    return str(odd.last.kind)


def _root() -> Any:
    settings = config.settings()
    return open_place(settings, list(places(settings))[-1])


def test_a_restored_pickle_of_others_is_nobodys_own(tmp_path: Path, planted: str, song: Path) -> None:
    """Whoever can write the shared root can leave a tombstone there; restoring it makes nothing one's own."""
    with config.options(filesystem=planted, pickle="any"):
        root = _root()
        entry = next(root.entries())
        bury(root.collectable(), entry.slot)
    with config.options(filesystem=planted, local=str(tmp_path / "near")):
        store = open_store(config.settings(), lambda *_: None)
        collectable = store.collectable()
        assert collectable is not None
        with pytest.raises(SignatureError, match="not stored as pickle"):
            restore(store, collectable, entry.slot)
        assert list(LocalStore(tmp_path / "near").entries()) == []
        assert _kind() == "ran"

    assert not song.exists()


def test_computing_again_decodes_no_pickle_of_others(planted: str, song: Path) -> None:
    """``verify --recompute`` passes over what is not served, also where it feeds the call."""
    from whorl.asked import CallOptions
    from whorl.call import Binder

    with config.options(filesystem=planted):
        calls = [Binder(CallOptions()).bind(stage.definition, (), {}) for stage in (odd, after)]
        assert _quietly(lambda: recheck(calls[0])) is None
        assert _quietly(after) == "Odd"
        assert _quietly(lambda: recheck(calls[1])).agrees is True

    assert not song.exists()


def test_verifying_reads_digests_and_decodes_nothing(planted: str, song: Path) -> None:
    """A hostile entry whose digests are right is sound, and unused."""
    with config.options(filesystem=planted):
        shown = CliRunner().invoke(program, ["verify"])

    assert shown.exit_code == 0, shown.output
    assert not song.exists()


def test_loading_and_verifying_a_stage_ask_as_a_call_does(planted: str, song: Path) -> None:
    """Neither computes, so there is nothing to give."""
    with config.options(filesystem=planted):
        assert _quietly(odd.verify) is False
        with pytest.raises(NoEntryError):
            _quietly(odd.load)

    assert not song.exists()


def test_looking_at_a_store_decodes_nothing(planted: str, song: Path) -> None:
    """Listings, explanations and statistics need no payload."""
    with config.options(filesystem=planted):
        shown = [CliRunner().invoke(program, [*words]) for words in (["ls"], ["stats"], ["ls", "--json"])]
        _quietly(odd.explain)
        _quietly(odd.status)
        assert len(odd.entries()) == 1

    assert [each.exit_code for each in shown] == [0, 0, 0]
    assert not song.exists()


def test_a_pickle_under_another_key_keeps_its_origin(tmp_path: Path, planted: str, song: Path) -> None:
    """An entry that is kept under a new key shares a payload: nobody signs or trusts it for having a new name."""
    secret = str(tmp_path / "team.key")
    write_key(new_key(HMAC), secret)
    with config.options(filesystem=planted, sign_with=secret):
        root = _root()
        entry = next(root.entries())
        with pytest.raises(SignatureError, match="not stored as pickle"):
            root.commit_kept(entry, entry, replace=lambda _: True)
        assert _kind() == "ran"
        assert _kind() == "hit"

    assert not song.exists()


def test_signatures_pass_through_pull_push_and_copies(tmp_path: Path) -> None:
    """Computed and signed by one, pulled by another who has the key, pushed on to a third store: one signature."""
    secret = str(tmp_path / "team.key")
    write_key(new_key(HMAC), secret)
    first, second = (f"memory://ways-{os.getpid()}-{next(_numbers)}" for _ in range(2))
    with config.options(filesystem=first, sign_with=secret):
        assert _kind() == "ran"
        signature = next(_root().entries()).signature
    with config.options(filesystem=first, local=str(tmp_path / "b"), trusted_keys=[secret]):
        assert pull(open_ends(config.settings()), lambda _: True).copied == 1
    with config.options(filesystem=second, local=str(tmp_path / "b"), trusted_keys=[secret]):
        assert push(open_ends(config.settings()), lambda _: True).copied == 1
        assert next(_root().entries()).signature == signature
    with config.options(filesystem=second, local=str(tmp_path / "c"), trusted_keys=[secret], mode="local_api"):
        assert _kind() == "hit"
    copy = next(LocalStore(tmp_path / "c").entries())

    assert signature is not None
    assert copy.signature == signature


def test_a_restored_entry_of_ones_own_is_signed_again(tmp_path: Path) -> None:
    """Its revisions are those of now, so the old signature is of another manifest."""
    secret = str(tmp_path / "team.key")
    key = new_key(HMAC)
    write_key(key, secret)
    with config.options(filesystem=str(tmp_path / "own"), sign_with=secret, require_signature=True):
        assert _kind() == "ran"
        store = _root()
        entry = next(store.entries())
        collectable = store.collectable()
        assert collectable is not None
        bury(collectable, entry.slot)
        restored = restore(store, collectable, entry.slot)
        assert _kind() == "hit"

    assert restored.signature is not None
    assert key.checks(restored.signature)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_mirror_in_a_folder_may_be_anybodys(tmp_path: Path) -> None:
    """It is read as a public one is: plain data is served, pickles are not, and nothing is written there."""
    theirs = tmp_path / "theirs"
    with config.options(filesystem=str(theirs)):
        odd()
        after()
    theirs.chmod(0o777)
    before = {path: stat.S_IMODE(path.stat().st_mode) for path in theirs.rglob("*")}
    mirrors = {"lab": {"filesystem": str(theirs)}}
    with config.options(filesystem=str(tmp_path / "own"), mirrors=mirrors, store_mode="team"):
        assert _quietly(after) == "Odd"
        assert after.last.kind == "hit"
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", StoreWarning)
            odd()

    assert any("not from a store of your own" in str(each.message) for each in told)
    assert {path: stat.S_IMODE(path.stat().st_mode) for path in theirs.rglob("*")} == before
    with pytest.raises(whorl.StoreError, match="others can write"):
        LocalStore(theirs).is_there()


OUTSIDE = ("../outside", "raw/../../outside", "{outside}", "raw/..\\..\\outside")


@pytest.mark.parametrize("path", [*OUTSIDE, "raw/inside"])
def test_checking_a_strange_entry_reads_nothing_outside_of_the_project(tmp_path: Path, path: str) -> None:
    """A file there is not even compared: the entry names it with its right digest, and is a miss all the same."""
    project, outside = tmp_path / "project", tmp_path / "outside"
    (project / "raw").mkdir(parents=True)
    (project / "whorl.toml").write_text("")
    for file in (outside, project / "raw/inside"):
        file.write_text("content")
    named = path.format(outside=outside)
    found = TracedInput(named, "file", digest_input(File(project / "raw/inside")).digest)
    with contextlib.chdir(project):
        with config.options(filesystem=str(tmp_path / "mirror")):
            after()
        tamper(tmp_path / "mirror", lambda entry: replace(entry, trace=Trace(inputs=(found,))))
        with config.options(filesystem=str(tmp_path / "own"), mirrors={"m": {"filesystem": str(tmp_path / "mirror")}}):
            _quietly(after)

    assert after.last.kind == ("hit" if path == "raw/inside" else "ran")


@pytest.mark.parametrize("kind", ["file", "folder", "glob", "url", "url file", "pipe", "", "\0"])
@pytest.mark.parametrize("path", ["", ".", "a\0b", "\n", "*", "**", "a" * 5_000, "raw", "~", "\ud800", "["])
def test_no_input_that_an_entry_names_breaks_a_call(tmp_path: Path, kind: str, path: str) -> None:
    """What cannot be an input does not hold."""
    with config.options(filesystem=str(tmp_path / "own")):
        after()
        trace = Trace(inputs=(TracedInput(path, kind, hash_value(1)),))
        tamper(tmp_path / "own", lambda entry: replace(entry, trace=trace))
        _quietly(after)

    assert after.last.kind == "ran"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_doctor_looks_at_a_teams_root_as_a_team_does(tmp_path: Path) -> None:
    """A folder that the group can write to is what was asked for; without the setting it is refused."""
    with config.options(filesystem=str(tmp_path / "lab"), store_mode="team"):
        made = CliRunner().invoke(program, ["init", str(tmp_path / "lab")])
        looked = CliRunner().invoke(program, ["doctor"])

    assert (made.exit_code, looked.exit_code) == (0, 0), made.output + looked.output
    assert stat.S_IMODE((tmp_path / "lab").stat().st_mode) == 0o2770


def test_a_path_that_was_handed_out_outlives_its_store(tmp_path: Path) -> None:
    """An inline file is written out beside a store that cannot be written, and goes with the process, not the store."""
    store = LocalStore(tmp_path / "own")
    with config.options(filesystem=str(tmp_path / "own")):
        after()
    entry = next(store.entries())
    place = tmp_path / f"own/v1/default/o/{entry.payload[:2]}"
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(tmp_path)
    path = store.reader(entry).path("data.json")
    del store
    gc.collect()

    assert path.read_bytes() == b'"Odd"'
    assert not path.is_relative_to(tmp_path)
