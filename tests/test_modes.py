"""What each mode reads, writes and computes: the one table, its documentation, and calls over two stores."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import whorl
from whorl import config
from whorl.errors import ConfigError, NoEntryError
from whorl.modes import LOCAL, MODES, ROOT
from whorl.settings import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent.parent / "docs" / "store.md"
NOTHING = "\N{EN DASH}"
_numbers = itertools.count()


@whorl.stage(cache=True)
def stored(number: int) -> list[int]:
    return [number]


@pytest.fixture
def tiers(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Give a local tier and a root of their own."""
    root = f"memory://modes-{os.getpid()}-{next(_numbers)}"
    with config.options(filesystem=root, local=str(tmp_path / "near")):
        yield {"filesystem": root, "local": str(tmp_path / "near")}


def _call(mode: str, number: int = 1) -> str:
    """Call the stage in a mode, and tell what happened."""
    with config.options(mode=mode):
        try:
            stored(number)
        except NoEntryError:
            return "refused"
    assert stored.last is not None
    return stored.last.kind


def _has(tier: str, tiers: dict[str, str], number: int = 1) -> bool:
    """Whether a tier holds the entry, asked for alone."""
    with config.options(filesystem=tiers["local" if tier == LOCAL else "filesystem"], local=""):
        return _call("read_only_strict", number) == "hit"


def test_the_documentation_shows_the_table() -> None:
    """Each mode with its tiers, as the code has them."""
    page = PAGE.read_text(encoding="utf-8")

    for name, mode in MODES.items():
        reads, writes = (", ".join(names) or NOTHING for names in (mode.reads, mode.writes))
        computes = "yes" if mode.computes else "no"
        assert f"| `{name}` | {reads} | {writes} | {computes} | {mode.meaning} |" in page


@pytest.mark.parametrize("name", [name for name in MODES if name != "off"])
def test_a_mode_writes_its_tiers_and_no_others(name: str, tiers: dict[str, str]) -> None:
    """A mode that never computes is refused, and writes nothing then."""
    mode = MODES[name]
    outcome = _call(name)

    assert outcome == ("ran" if mode.computes else "refused")
    assert _has(LOCAL, tiers) == (LOCAL in mode.writes and mode.computes)
    assert _has(ROOT, tiers) == (ROOT in mode.writes and mode.computes)


@pytest.mark.parametrize("tier", [LOCAL, ROOT])
@pytest.mark.parametrize("name", [name for name in MODES if name != "off"])
def test_a_mode_reads_its_tiers_and_no_others(name: str, tier: str, tiers: dict[str, str]) -> None:
    """An entry that lies in one tier is found where the mode reads it."""
    with config.options(filesystem=tiers["local" if tier == LOCAL else "filesystem"], local=""):
        assert _call("write") == "ran"
    outcome = _call(name)

    expected = "hit" if tier in MODES[name].reads else "ran" if MODES[name].computes else "refused"
    assert outcome == expected


@pytest.mark.parametrize("name", ["write", "local", "local_sync", "local_api"])
def test_a_hit_of_the_root_is_copied_where_the_local_tier_is_written(name: str, tiers: dict[str, str]) -> None:
    """The next call finds it near."""
    with config.options(local=""):
        assert _call("write") == "ran"
    assert _call(name) == "hit"

    assert _has(LOCAL, tiers)


def test_off_is_a_plain_call(tiers: dict[str, str]) -> None:
    """Neither tier hears of it."""
    with config.options(mode="off"):
        stored(1)

    assert not _has(LOCAL, tiers)
    assert not _has(ROOT, tiers)


def test_a_mirror_answers_and_is_never_written(tmp_path: Path) -> None:
    """What the root lacks is found in a mirror; what is computed goes to the root alone."""
    mirror, root = str(tmp_path / "mirror"), str(tmp_path / "root")
    with config.options(filesystem=mirror):
        assert _call("write", 1) == "ran"
    with config.options(filesystem=root, mirrors={"theirs": {"filesystem": mirror}}):
        assert _call("write", 1) == "hit"
        assert _call("write", 2) == "ran"
    with config.options(filesystem=mirror):
        assert _call("read_only_strict", 2) == "refused"
    with config.options(filesystem=root):
        assert _call("read_only_strict", 2) == "hit"
        assert _call("read_only_strict", 1) == "hit"  # copied


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"local": "s3://bucket"}, "a folder of this machine"),
        ({"mirrors": {"theirs": "s3://bucket"}}, "a mirror is a section"),
        ({"mirrors": {"theirs": {"filesystem": "x", "colour": 1}}}, "a mirror is a section"),
        ({"filesystem_options": 3}, "a mapping"),
    ],
)
def test_a_tier_that_makes_no_sense_is_refused(values: dict[str, object], said: str) -> None:
    """When it is set, not when it is used."""
    with pytest.raises(ConfigError, match=said), config.options(**values):
        pass


@pytest.mark.parametrize(
    ("location", "said"), [("odd://x", "names no kind of store"), ("zip://a::s3://b", "a store within another one")]
)
def test_a_store_that_no_kind_is_known_for_is_refused(location: str, said: str, tmp_path: Path) -> None:
    """With what is known."""
    assert is_url(location)
    with config.options(filesystem=location, local=str(tmp_path)), pytest.raises(ConfigError, match=said):
        stored(1)


@pytest.mark.filterwarnings("ignore:builtins.range_iterator:whorl.NotFollowedWarning")
def test_a_recomputation_counts_where_the_root_is_not_written(tmp_path: Path) -> None:
    """Until the root is computed anew; who writes the root goes by the root's."""
    given = iter(range(100))

    @whorl.stage(cache=True, name="next number")
    def number() -> int:
        return next(given)

    with config.options(filesystem=f"memory://recomputed-{os.getpid()}", local=str(tmp_path / "near")):
        number.options(recompute=True)()
        roots = number.options(recompute=True)()
        own = number.options(recompute=True, cache_mode="local")()
        again = number.options(cache_mode="local")(), number(), number.options(cache_mode="local")()
        newer = number.options(recompute=True)()

        assert again == (own, roots, own)
        assert number.options(cache_mode="local")() == newer


@pytest.mark.filterwarnings("ignore:builtins.range_iterator:whorl.NotFollowedWarning")
@pytest.mark.parametrize(
    "other", [{"verify": "first"}, {"wait_timeout": 60.0}, {"local": "near"}, {"durability": "fsync"}]
)
def test_a_recomputation_under_other_settings_is_seen_at_once(
    other: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They open the store a second time in this process; what one of them wrote counts in both."""
    given = iter(range(100))

    @whorl.stage(cache=True, name="source")
    def source() -> int:
        return next(given)

    @whorl.stage(number=source, cache=True, name="report")
    def report(number: int) -> int:
        return number

    monkeypatch.chdir(tmp_path)
    with config.options(filesystem=f"memory://seen-{os.getpid()}-{next(_numbers)}"):
        with config.options(**other):
            first = report()
        anew = source.options(recompute=True)()
        with config.options(**other):
            second = report()
            assert (first, anew, second) == (0, 1, 1)
            assert source.options(recompute=True)() == 2
        assert report() == 2
        assert source() == 2
        assert next(given) == 3  # whatever was asked for was asked for once


def test_a_root_that_is_a_folder_is_the_local_tier_too(tmp_path: Path) -> None:
    """Where none is configured; what is near needs no copy nearer by."""
    with config.options(filesystem=str(tmp_path / "root")):
        assert _call("local", 1) == "ran"
        assert _call("write", 1) == "hit"
        assert _call("write", 2) == "ran"
        assert _call("offline", 2) == "hit"
    with config.options(filesystem=str(tmp_path / "root"), local=str(tmp_path / "near")):
        assert _call("local", 3) == "ran"
        assert _call("offline", 2) == "ran"
    with config.options(filesystem=str(tmp_path / "root")):
        assert _call("read_only_strict", 3) == "refused"
