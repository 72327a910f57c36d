"""One folder in, the digest of everything below it out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vectors.whorl_vectors import VECTORS, digest_tree_of
from whorl.digest import Digest, hash_file, hash_tree, scan_tree
from whorl.errors import ConfigError, InputMissingError

PINNED = json.loads(VECTORS.read_text(encoding="utf-8"))["trees"]
NAMES = st.sampled_from(["a", "b", "ab", "a-b", "é", "B"])
FILES = st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=3), max_size=6)


def make(root: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    made = {}
    for name, data in files.items():
        try:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue  # a name that is a folder already, or lies in a file
        made[name] = data
    return made


@pytest.mark.parametrize("entry", PINNED, ids=lambda entry: entry["name"])
def test_trees_have_their_pinned_digest(tmp_path: Path, entry: dict) -> None:
    """Keys of raw folders are made of these."""
    assert digest_tree_of(entry, tmp_path).hex() == entry["digest"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(FILES, FILES)
def test_two_trees_share_a_digest_only_if_they_hold_the_same_files(
    tmp_path: Path, left: dict[str, bytes], right: dict[str, bytes]
) -> None:
    """Names, places and contents count; nothing else does."""
    digests, made = [], []
    for files in (left, right):
        shutil.rmtree(tmp_path, ignore_errors=True)
        tmp_path.mkdir()
        made.append(make(tmp_path, files))
        digests.append(hash_tree(tmp_path))

    assert (digests[0] == digests[1]) == (made[0] == made[1])


def test_a_copy_is_the_same_tree(tmp_path: Path) -> None:
    """Dates, modes, the order on disk and the folder's own name do not count."""
    source = tmp_path / "source"
    make(source, {f"{index % 7}/{index % 3}/{index}": bytes([index]) for index in range(100)})
    copy = shutil.copytree(source, tmp_path / "copy", copy_function=shutil.copyfile)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)

    assert hash_tree(copy) == hash_tree(source)


def test_kinds_count(tmp_path: Path) -> None:
    """An empty folder, an empty file, a link and nothing are four things."""
    digests = [hash_tree(tmp_path)]
    (tmp_path / "x").mkdir()
    digests.append(hash_tree(tmp_path))
    (tmp_path / "x").rmdir()
    (tmp_path / "x").touch()
    digests.append(hash_tree(tmp_path))
    (tmp_path / "x").unlink()
    (tmp_path / "x").symlink_to("y")
    digests.append(hash_tree(tmp_path))

    assert len(set(digests)) == 4


def test_a_link_counts_by_its_text_unless_it_is_followed(tmp_path: Path) -> None:
    """Followed, a link is what it leads to."""
    make(tmp_path / "linked", {"data/file": b"x"})
    make(tmp_path / "plain", {"data/file": b"x", "again/file": b"x"})
    (tmp_path / "linked/again").symlink_to("data")
    as_links = hash_tree(tmp_path / "linked")

    assert hash_tree(tmp_path / "linked", follow_symlinks=True) == hash_tree(tmp_path / "plain")
    (tmp_path / "linked/data/file").write_bytes(b"y")
    (tmp_path / "linked/again").unlink()
    (tmp_path / "linked/again").symlink_to("./data")
    assert hash_tree(tmp_path / "linked") != as_links


def test_a_circle_of_links_is_an_error_only_when_links_are_followed(tmp_path: Path) -> None:
    """Following it would never end."""
    make(tmp_path, {"a/file": b"x"})
    (tmp_path / "a/up").symlink_to("..")

    hash_tree(tmp_path)
    with pytest.raises(InputMissingError, match="leads back"):
        hash_tree(tmp_path, follow_symlinks=True)


def test_a_link_to_nothing_is_an_error_only_when_links_are_followed(tmp_path: Path) -> None:
    """As a link it has a text; followed it has nothing."""
    (tmp_path / "link").symlink_to("nowhere")

    hash_tree(tmp_path)
    with pytest.raises(InputMissingError, match="link"):
        hash_tree(tmp_path, follow_symlinks=True)


def test_special_files_are_an_error_with_the_path(tmp_path: Path) -> None:
    """A pipe has no content that stays; it is not read."""
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a/pipe")
    with pytest.raises(InputMissingError, match=r"a/pipe: a named pipe"):
        hash_tree(tmp_path)


def test_a_root_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    """A file is digested as a file."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "no"):
        with pytest.raises(InputMissingError, match=path.name):
            hash_tree(path)


def test_names_that_are_not_utf8_are_names(tmp_path: Path) -> None:
    """They count by their bytes, and come back as Python spells them."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).write_text("x")
    first = hash_tree(tmp_path)
    digest, files = scan_tree(tmp_path)
    Path(tmp_path / files[0][0]).rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xfe"))

    assert digest == first != hash_tree(tmp_path)
    assert files[0][0] == "\udcff"


def test_a_scan_lists_every_file_with_size_and_digest(tmp_path: Path) -> None:
    """Sorted by raw name, with slashes, so that lists of two machines can be compared."""
    files = make(tmp_path, {"b": b"1", "a/x": b"22", "a-b": b"", "a/y/z": b"333"})
    (tmp_path / "empty").mkdir()
    digest, found = scan_tree(tmp_path)

    assert digest == hash_tree(tmp_path)
    assert [(name, size) for name, size, _ in found] == [("a-b", 0), ("a/x", 2), ("a/y/z", 3), ("b", 1)]
    assert {name: digest for name, _, digest in found} == {name: hash_file(tmp_path / name) for name in files}


def test_a_scan_sees_files_behind_followed_links(tmp_path: Path) -> None:
    """They lie where the link lies."""
    make(tmp_path, {"data/file": b"x"})
    (tmp_path / "link").symlink_to("data")

    assert [name for name, *_ in scan_tree(tmp_path)[1]] == ["data/file"]
    followed = scan_tree(tmp_path, follow_symlinks=True)[1]
    assert [name for name, *_ in followed] == ["data/file", "link/file"]


def test_a_thousand_files_in_many_folders_are_all_seen(tmp_path: Path) -> None:
    """Threads share the work and lose nothing."""
    files = {f"{index % 31}/{index % 17}/{index}": str(index).encode() for index in range(1000)}
    make(tmp_path, files)
    first = hash_tree(tmp_path)

    assert len(scan_tree(tmp_path)[1]) == 1000
    assert {hash_tree(tmp_path) for _ in range(5)} == {hash_tree(tmp_path)}
    (tmp_path / sorted(files)[500]).write_bytes(b"changed")
    assert hash_tree(tmp_path) != first
    assert isinstance(first, Digest)


@pytest.mark.parametrize(
    ("include", "exclude", "kept"),
    [
        ([], ["*.tmp"], ["a.csv", "b/c.csv", "b/d/e.txt", "cache/f.csv"]),
        ([], ["cache/", "/a.*"], ["b/c.csv", "b/c.tmp", "b/d/e.txt"]),
        ([], ["*", "!*.csv", "!*/"], ["a.csv", "b/c.csv", "b/d", "cache/f.csv"]),
        (["*.csv"], [], ["a.csv", "b/c.csv", "cache/f.csv"]),
        (["*.csv"], ["cache/"], ["a.csv", "b/c.csv"]),
        (["b/"], [], ["b/c.csv", "b/c.tmp", "b/d/e.txt"]),
        (["b/**", "!*.tmp"], [], ["b/c.csv", "b/d/e.txt"]),
        (["nothing"], [], []),
    ],
)
def test_a_tree_digests_like_a_copy_of_what_counts(
    tmp_path: Path, include: list[str], exclude: list[str], kept: list[str]
) -> None:
    """Patterns mean what they mean in a .gitignore file; an included folder counts whole, others by what they hold."""
    names = ["a.csv", "b/c.csv", "b/c.tmp", "b/d/e.txt", "cache/f.csv"]
    make(tmp_path / "all", {name: name.encode() for name in names})
    (tmp_path / "copy").mkdir()
    for name in kept:
        if name in names:
            make(tmp_path / "copy", {name: name.encode()})
        else:
            (tmp_path / "copy" / name).mkdir()

    assert hash_tree(tmp_path / "all", include=include, exclude=exclude) == hash_tree(tmp_path / "copy")


def test_what_is_excluded_is_not_even_looked_at(tmp_path: Path) -> None:
    """A pipe and a circle do no harm there."""
    make(tmp_path, {"a": b"x", "b/c": b"y"})
    before = hash_tree(tmp_path, follow_symlinks=True)
    (tmp_path / "skip").mkdir()
    os.mkfifo(tmp_path / "skip/pipe")
    os.mkfifo(tmp_path / "b/pipe")
    (tmp_path / "skip/up").symlink_to("..")

    assert hash_tree(tmp_path, follow_symlinks=True, exclude=["skip/", "pipe"]) == before


def test_a_pattern_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """It is named, and so is a text where a list was meant."""
    with pytest.raises(ConfigError, match=r'the pattern "a\[" cannot be read'):
        hash_tree(tmp_path, exclude=["a["])
    with pytest.raises(ConfigError, match="a list of patterns"):
        hash_tree(tmp_path, include="*.csv")


def test_large_files_are_shared_among_threads_and_digest_alike(tmp_path: Path) -> None:
    """With small ones beside them, in any number of threads."""
    make(tmp_path, {f"{index}/small": bytes([index]) for index in range(50)})
    for index in range(3):
        (tmp_path / f"{index}/large").write_bytes(bytes([index]) * (9_000_001 + index))
    digests = {hash_tree(tmp_path, threads=threads) for threads in (1, 2, 7)}
    leaves = {name: digest for name, _, digest in scan_tree(tmp_path)[1]}

    assert len(digests) == 1
    assert all(digest == hash_file(tmp_path / name) for name, digest in leaves.items())


def test_a_wide_and_deep_tree_needs_few_open_files(tmp_path: Path) -> None:
    """Folders are closed on the way; a limit of 32 is enough."""
    deep = tmp_path.joinpath(*["d"] * 200)
    deep.mkdir(parents=True)
    make(tmp_path, {f"w{index}/file": b"x" for index in range(300)})
    for index in range(100):
        with (tmp_path / f"large{index}").open("wb") as file:
            file.truncate(4 << 20)
    make(deep, {f"{index}": b"x" for index in range(300)})
    script = (
        "import resource, sys; from whorl.digest import hash_tree\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))\n"
        "print(hash_tree(sys.argv[1], threads=4))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]

    assert (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == hash_tree(tmp_path).hex()
    )


def test_memory_is_bounded_by_the_folders_on_the_way(tmp_path: Path) -> None:
    """Twenty times as many folders take about as much."""
    for index in range(4000):
        folder = tmp_path / f"{index // 200}" / f"{index}"
        folder.mkdir(parents=True)
        for name in "abcde":
            (folder / f"a name of some length {name}").touch()
    script = (
        "import resource, sys; from whorl.digest import hash_tree\n"
        "hash_tree(sys.argv[1] + '/0', stat_table=False)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "hash_tree(sys.argv[1], stat_table=False)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    kib = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert kib < 3000
