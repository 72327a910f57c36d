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


def test_a_pattern_counts_alike_however_it_is_written(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are relative to what stands in front of the first wildcard, and have no dots or doubled slashes."""
    (raw / "deep" / "deeper").mkdir()
    (raw / "deep" / "deeper" / "d.csv").write_text("d")
    monkeypatch.chdir(raw / "deep")
    for pattern in ("*", "**", "*.csv", "**/*.csv", "*/", "deep*/../*.csv", "*/../../raw/a.csv"):
        places = ("..", "../", "./..", "..//", "../../raw", "../deep/..", raw, f"{raw}/deep/..")
        found = [digest_input(Glob(f"{place}/{pattern}")) for place in places]
        files = [list(one.files) for one in found]

        assert {one.digest for one in found} == {found[0].digest}
        assert all(one == files[0] for one in files)
    assert [file.name for file in digest_input(Glob("**/*.csv")).files] == ["c.csv", "deeper/d.csv"]
    assert [file.name for file in digest_input(Glob("../*")).files] == [
        "a.csv", "b.csv", "deep/c.csv", "deep/deeper/d.csv",
    ]  # fmt: skip
    assert [file.name for file in digest_input(Glob("../*/../../raw/a.csv")).files] == ["a.csv"]


@pytest.mark.parametrize("make", [Folder, lambda raw: Glob(raw / "*"), lambda raw: File(raw / "x")])
def test_a_link_that_leads_nowhere_is_named_with_where_it_leads(raw: Path, make: object) -> None:
    """The folder is there, and nothing is wrong with its spelling."""
    (raw / "x").symlink_to("no: where")
    with pytest.raises(InputMissingError, match=r"raw/x is a link that leads nowhere") as raised:
        digest_input(make(raw))  # type: ignore[operator]

    assert "no: where" in raised.value.cause
    assert raised.value.tip.startswith("remove the link")


@pytest.mark.parametrize(
    ("make", "tip"),
    [
        (Folder, "remove it, or declare the files that are meant as a Glob"),
        (lambda raw: Glob(raw / "*"), "remove it, or write a pattern that does not match it"),
        (lambda raw: File(raw / "deep" / "x: y"), "declare a file that has content"),
    ],
)
def test_what_has_no_content_is_named_with_a_way_out(raw: Path, make: object, tip: str) -> None:
    """A named pipe among the files; a tip that fits a raw input, not a function that was never called."""
    os.mkfifo(raw / "deep" / "x: y")
    with pytest.raises(InputMissingError, match=r"deep/x: y: a named pipe") as raised:
        digest_input(make(raw))  # type: ignore[operator]

    assert raised.value.tip == tip


def test_a_link_that_leads_to_its_own_folder_is_named_with_a_way_out(raw: Path) -> None:
    """Raw folders follow links, so the tip is not to leave that."""
    (raw / "deep" / "up").symlink_to("..")
    with pytest.raises(InputMissingError, match=r"deep/up") as raised:
        digest_input(Folder(raw))

    assert raised.value.tip == "remove it, or declare the files that are meant as a Glob"


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
