"""Who may use a store in a folder: its owner alone, or a team by its group; whatever the umask says."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from store_examples import child_environment, slot, store_value, stored_value
from whorl.errors import StoreError
from whorl.store import rights
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="becomes other users")

BIG = bytes(range(256)) * 256
ALICE, BOB, EVE = 61001, 61002, 61003
TEAM, OTHERS = 62001, 62002
# Imports come before the user changes: the interpreter's folders may be root's alone.
ACT = """
import os, sys, warnings
from pathlib import Path
from store_examples import slot, store_value, stored_value
from whorl.store.local import LocalStore
from whorl.errors import StoreError
import shutil, whorl.store.collect
_, user, group, umask, root, doing, name, value = sys.argv
os.setgroups([int(group)]); os.setgid(int(group)); os.setuid(int(user)); os.umask(int(umask, 8)); os.chdir("/")
try:
    store = LocalStore(Path(root), is_shared=True, wait_timeout=5)
    if doing == "write":
        store_value(store, slot(name), value.encode() * 20000)
    elif doing == "remove":
        print(store.remove(slot(name)))
    else:
        print(len(stored_value(store, slot(name)) or b""))
except StoreError as error:
    print(error.message.replace(root, "ROOT"))
"""


@pytest.fixture(autouse=True)
def _unshared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "_shared", ())


@pytest.fixture
def common() -> Iterator[Path]:
    """Give a folder of the team's group, that each member can reach: pytest's own are for one user."""
    folder = Path(tempfile.mkdtemp(prefix="whorl-team-"))
    os.chown(folder, -1, TEAM)
    folder.chmod(0o2770)
    yield folder
    shutil.rmtree(folder)


def _act(user: int, group: int, root: Path, doing: str, name: str = "one", value: str = "a", umask: str = "077") -> str:
    command = [sys.executable, "-c", ACT, str(user), str(group), umask, str(root), doing, name, value]
    done = subprocess.run(command, capture_output=True, text=True, env=child_environment(), check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _modes(root: Path) -> set[str]:
    return {
        f"{'folder' if path.is_dir() else 'file'} {stat.S_IMODE(path.stat().st_mode):04o}"
        for path in (root, *root.rglob("*"))
    }


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o027, 0o077])
@pytest.mark.parametrize("is_shared", [False, True])
def test_modes_do_not_hang_on_the_umask(tmp_path: Path, umask: int, *, is_shared: bool) -> None:
    """Private: 0700 and 0600.  A team's: 0770 with the group passed on, and 0660."""
    before = os.umask(umask)
    try:
        store = LocalStore(tmp_path / "store", is_shared=is_shared)
        store_value(store, slot("one"), BIG)
        store_value(store, slot("one"), b"1")
        attempt = store.begin(slot("two"))
        attempt.path("deep/written by a library.bin".replace(" ", "-")).write_bytes(BIG)
        entry = store.lookup(slot("one"))
        assert entry is not None
        store.commit(attempt, _like(entry), replace=lambda _: True)
    finally:
        os.umask(before)
    found = {mode for mode in _modes(store.root) if not (mode.startswith("file 06") and not is_shared)}

    assert found == ({"folder 2770", "file 0660"} if is_shared else {"folder 0700"})


def _like(entry: object) -> object:
    from dataclasses import replace

    return replace(entry, slot=slot("two"))  # type: ignore[type-var]


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
def test_a_private_root_that_others_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    """Reading and writing alike: a pickle in it may be anybody's."""
    store_value(LocalStore(tmp_path / "store"), slot(), b"1")
    (tmp_path / "store").chmod(mode)
    for attempt in (
        lambda: LocalStore(tmp_path / "store").lookup(slot()),
        lambda: LocalStore(tmp_path / "store").make(),
    ):
        with pytest.raises(StoreError, match="others can write") as caught:
            attempt()

    assert "chmod 700" in caught.value.tip


@pytest.mark.parametrize(("mode", "words"), [(0o2777, "everybody"), (0o2772, "everybody"), (0o2750, "not its group's")])
def test_a_team_root_with_other_rights_is_refused(tmp_path: Path, mode: int, words: str) -> None:
    """Of everybody's, or of nobody but its owner's."""
    store_value(LocalStore(tmp_path / "store", is_shared=True), slot(), b"1")
    (tmp_path / "store").chmod(mode)

    with pytest.raises(StoreError, match=words):
        LocalStore(tmp_path / "store", is_shared=True).lookup(slot())


@as_root
def test_a_root_of_another_user_is_refused(tmp_path: Path) -> None:
    """Root itself does not read what someone else wrote either."""
    store_value(LocalStore(tmp_path / "store"), slot(), b"1")
    os.chown(tmp_path / "store", EVE, -1)

    with pytest.raises(StoreError, match="someone else's"):
        LocalStore(tmp_path / "store").lookup(slot())


@as_root
def test_members_of_a_team_share_a_store(common: Path) -> None:
    """Each reads, replaces and removes what another stored, whatever their umasks are."""
    root = common / "store"
    _act(ALICE, TEAM, root, "write", umask="077")
    modes, owner = _modes(root), root.stat().st_uid
    read = _act(BOB, TEAM, root, "read", umask="022")
    _act(BOB, TEAM, root, "write", value="bb", umask="077")
    again = _act(ALICE, TEAM, root, "read")
    removed = _act(ALICE, TEAM, root, "remove")

    assert owner == ALICE
    assert modes == {"folder 2770", "file 0660"}
    assert (read, again, removed) == ("20000", "40000", "True")
    assert {path.stat().st_gid for path in root.rglob("*")} == {TEAM}
    assert _act(BOB, TEAM, root, "read") == "0"


@as_root
def test_who_is_not_in_the_group_is_refused(common: Path) -> None:
    """Also where the folders above let everybody pass."""
    root = common / "store"
    _act(ALICE, TEAM, root, "write")
    common.chmod(0o2777)
    told = _act(EVE, OTHERS, root, "read")
    root.chmod(0o2775)
    (root / "WHORL.json").chmod(0o664)

    assert "could not read ROOT" in told
    assert _act(EVE, OTHERS, root, "read") == "the store ROOT is of another group"


@as_root
def test_a_private_store_is_closed_to_others(common: Path) -> None:
    """Even below a folder that all of a group can write to."""
    root = common / "store"
    store_value(LocalStore(root), slot(), b"1")
    told = _act(BOB, TEAM, root, "read")

    assert "could not read" in told
    assert stored_value(LocalStore(root), slot()) == b"1"
