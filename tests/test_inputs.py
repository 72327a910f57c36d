"""Raw inputs: what counts in their digests, and what is handed over."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from whorl import File, Folder, Glob, InputMissingError
from whorl.fingerprint.inputs import RawInput, digest_input, hand_over


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A folder of two files and a folder."""
    folder = tmp_path / "raw"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.csv").write_text("a")
    (folder / "b.csv").write_text("b")
    (folder / "deep" / "c.csv").write_text("c")
    return folder


@pytest.mark.parametrize("name", ["a.csv", "deep", "*.csv", "**/*.csv"])
def test_a_copy_elsewhere_has_the_same_digest(raw: Path, tmp_path: Path, name: str) -> None:
    """Folders above, dates and modes do not count."""
    before = digest_input(RawInput(str(raw / name))).digest
    copied = tmp_path / "elsewhere" / "raw"
    shutil.copytree(raw, copied)
    os.utime(copied / "a.csv", (1, 1))
    (copied / "b.csv").chmod(0o600)

    assert digest_input(RawInput(str(copied / name))).digest == before


def test_the_last_segment_of_a_name_counts(raw: Path) -> None:
    """Code may parse a file's name."""
    shutil.copy(raw / "a.csv", raw / "other.csv")

    assert digest_input(RawInput(raw / "a.csv")).digest != digest_input(RawInput(raw / "other.csv")).digest


@pytest.mark.parametrize("name", [".", "*.csv", "**"])
def test_a_changed_file_a_new_one_and_a_renamed_one_count(raw: Path, name: str) -> None:
    """A folder or glob counts by the relative names and contents of its files."""
    given = RawInput(os.path.join(raw, name))
    seen = {digest_input(given).digest}
    (raw / "a.csv").write_text("A")
    seen.add(digest_input(given).digest)
    (raw / "new.csv").write_text("")
    seen.add(digest_input(given).digest)
    (raw / "new.csv").rename(raw / "newer.csv")
    seen.add(digest_input(given).digest)

    assert len(seen) == 4


def test_a_link_counts_by_what_it_points_to(raw: Path) -> None:
    """Links are followed, since the function reads through them."""
    (raw / "link.csv").symlink_to(raw / "a.csv")
    before = digest_input(RawInput(raw / "link.csv")).digest
    (raw / "a.csv").write_text("changed")

    assert digest_input(RawInput(raw / "link.csv")).digest != before


def test_what_is_handed_over_is_what_was_digested(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path as it was written, and for a glob the sorted matches, of the type the pattern had."""
    monkeypatch.chdir(raw.parent)

    assert digest_input(RawInput("raw/a.csv")).handed == "raw/a.csv"
    assert digest_input(RawInput(Path("raw"))).handed == Path("raw")
    assert digest_input(Glob("raw/*.csv")).handed == ["raw/a.csv", "raw/b.csv"]
    assert digest_input(Glob(Path("raw/*.csv"))).handed == [Path("raw/a.csv"), Path("raw/b.csv")]
    assert hand_over(Glob("raw/*.csv")) == ["raw/a.csv", "raw/b.csv"]


def test_a_name_that_looks_like_a_glob_is_a_file_where_it_exists(raw: Path) -> None:
    """Text is ambiguous only where nothing of that name is there; File says so for good."""
    odd = raw / "a[1].csv"
    odd.write_text("odd")

    assert digest_input(RawInput(odd)).kind == "file"
    assert digest_input(File(odd)).digest == digest_input(RawInput(odd)).digest


def test_a_name_that_looks_like_a_chain_of_urls_is_a_path_where_it_exists(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``ab::c`` may be a file or a folder; what has ``://`` is a URL whatever is there."""
    monkeypatch.chdir(raw)
    for name in ("ab::c", "a:b"):
        shutil.copy("a.csv", name)
        shutil.copytree("deep", f"{name}.d")
        (raw / f"{name}.link").symlink_to("nowhere")

        assert digest_input(RawInput(name)).kind == digest_input(File(name)).kind == "file"
        assert digest_input(RawInput(name)).digest == digest_input(RawInput(raw / name)).digest
        assert digest_input(RawInput(f"{name}.d")).kind == digest_input(Folder(f"{name}.d")).kind == "folder"
        assert hand_over(File(name)) == name
        assert File(f"{name}.link").kind == "file"
    Path("memory:").mkdir()
    shutil.copy("a.csv", "memory:/ab")

    assert File("memory://ab").kind == "url file"
    assert RawInput("none::c").kind == "url"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda raw: RawInput(raw / "none.csv"), r"none\.csv"),
        (lambda raw: Glob(raw / "*.parquet"), "no path matches"),
        (File, "is a folder, a file was meant"),
        (lambda raw: Folder(raw / "a.csv"), "is not a folder"),
        (lambda raw: Folder(raw / "none"), "nothing is there"),
    ],
)
def test_what_is_not_there_is_an_error_that_names_it(raw: Path, make: object, said: str) -> None:
    """A missing input is never an empty one."""
    with pytest.raises(InputMissingError, match=said):
        digest_input(make(raw))  # type: ignore[operator]
