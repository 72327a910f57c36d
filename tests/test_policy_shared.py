"""Pickles and shared stores: nothing that others wrote is run, and nobody is given something to run."""

from __future__ import annotations

import itertools
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import whorl
from whorl import config
from whorl.errors import SignatureError, StoreWarning
from whorl.modes import LOCAL
from whorl.settings import PICKLE

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


class Canary:
    """Touches a file whenever it comes out of a pickle."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return _sing, (self.path,)


def _sing(path: str) -> Canary:
    with open(path, "a", encoding="utf-8") as file:
        file.write("tweet\n")
    return Canary(path)


@whorl.stage(cache=True, format="pickle")
def pickled(path: str) -> Canary:
    return Canary(path)


@whorl.stage(cache=True, format="pickle")
def sung() -> Canary:
    return Canary(os.environ["SONG"])


@whorl.stage(cache=True)
def plain(number: int) -> list[int]:
    return [number]


@pytest.fixture
def shared() -> Iterator[str]:
    """Give a root that others can write as well."""
    root = f"memory://policy-{os.getpid()}-{next(_numbers)}"
    with config.options(filesystem=root):
        yield root


@pytest.fixture
def cage(tmp_path: Path) -> str:
    """Give the file that a canary touches."""
    return str(tmp_path / "song")


def _kind(stage: Any, argument: object) -> str:
    stage(argument)
    return str(stage.last.kind)


def _quietly(stage: Any, argument: object) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreWarning)
        return _kind(stage, argument)


def test_a_pickle_is_not_written_to_a_shared_store(shared: str, cage: str) -> None:
    """The value is returned, with one warning that says what to do; the next call computes again."""
    with pytest.warns(StoreWarning, match="is not stored as pickle") as warned:
        assert _kind(pickled, cage) == "ran"
    assert _kind(pickled, cage) == "ran"

    assert len(warned) == 1
    assert "the store is shared" in str(warned[0].message)
    with config.options(pickle="any"):
        assert _kind(pickled, cage) == "ran", "nothing was stored"


def test_a_pickle_of_others_is_not_decoded(shared: str, cage: str) -> None:
    """It is a miss, and the canary is silent."""
    with config.options(pickle="any"):
        pickled(cage)
    song = Path(cage).read_text() if Path(cage).exists() else ""
    with config.options(mode="read_only_strict"), pytest.raises(whorl.NoEntryError):
        _quietly(pickled, cage)
    still = Path(cage).read_text() if Path(cage).exists() else ""
    with config.options(mode="read_only_strict", pickle="any"):
        pickled(cage)

    assert still == song
    assert Path(cage).read_text() > song, "it sings for those who let it"


def test_a_pickle_of_others_is_not_trusted_for_having_been_near(shared: str, cage: str, tmp_path: Path) -> None:
    """No hit copies it into the local tier, and neither does ``pull``."""
    from whorl.transfer import open_ends, pull

    with config.options(pickle="any"):
        pickled(cage)
        plain(1)
    with config.options(local=str(tmp_path / "near"), mode="local_api"):
        with pytest.raises(whorl.NoEntryError):
            _quietly(pickled, cage)
        pulled = pull(open_ends(config.settings()), lambda _: True)
    stored = [path for path in (tmp_path / "near" / "v1" / "default" / "m").rglob("*") if path.is_file()]

    assert (pulled.copied, pulled.refused) == (1, 1)
    assert [path.parent.name for path in stored] == ["test_policy_shared.plain"]


def test_a_pickle_that_is_current_when_another_value_is_stored_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever computes would be given the entry that is there: not to run it where no pickle may be decoded."""
    theirs, own = tmp_path / "theirs", tmp_path / "own"
    with config.options(filesystem=str(tmp_path / "store")):
        monkeypatch.setenv("SONG", str(theirs))
        with config.options(pickle="any"):
            sung()
        before = theirs.read_text()
        monkeypatch.setenv("SONG", str(own))
        with config.options(pickle="never"), warnings.catch_warnings():
            warnings.simplefilter("ignore", StoreWarning)
            value = sung()

    assert value.path == str(own)
    assert theirs.read_text() == before
    assert own.read_text().count("tweet") == 1, "its own pickle is read once, when it is made"


def test_own_pickles_are_kept_in_the_local_tier(shared: str, cage: str, tmp_path: Path) -> None:
    """What this user computed is decoded again; the root does not get it."""
    with config.options(local=str(tmp_path / "near")):
        assert _quietly(pickled, cage) == "ran"
        assert _kind(pickled, cage) == "hit"
        assert config.settings().local != LOCAL
    assert _quietly(pickled, cage) == "ran"


def test_whoever_trusts_everyone_shares_pickles(shared: str, cage: str) -> None:
    """The setting ``any``."""
    with config.options(pickle="any"):
        assert [_kind(pickled, cage), _kind(pickled, cage)] == ["ran", "hit"]


def test_the_documentation_shows_the_table() -> None:
    """Each policy as the code has it."""
    page = (Path(__file__).parent.parent / "docs" / "store.md").read_text(encoding="utf-8")

    assert all(f"| `{name}` | {meaning} |" in page for name, meaning in PICKLE.items())


def test_what_needs_no_trust_is_shared(shared: str) -> None:
    """Safe formats are stored and decoded whatever the policy."""
    for number, policy in enumerate(PICKLE):
        with config.options(pickle=policy):
            assert [_kind(plain, number), _kind(plain, number)] == ["ran", "hit"]


def test_a_strict_call_is_refused(shared: str, cage: str) -> None:
    """With ``strict`` it is an error."""
    with config.options(strict=True), pytest.raises(SignatureError, match="is not stored as pickle"):
        pickled(cage)


def test_a_folder_of_ones_own_holds_pickles(whorl_store: Path, cage: str) -> None:
    """Nobody else can write there; ``never`` decodes none all the same."""
    assert [_kind(pickled, cage), _kind(pickled, cage)] == ["ran", "hit"]
    with config.options(pickle="never"):
        assert _quietly(pickled, cage) == "ran"
