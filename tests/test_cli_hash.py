"""``whorl hash``: the lines of b3sum, to the byte."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

import whorl
from pipeline_folder import WHORL, PipelineFolder

AWKWARD = ("plain", "with space", "back\\slash", "new\nline", "return\rhere", "Ünï")


def test_hash_prints_what_b3sum_prints(folder: PipelineFolder) -> None:
    """Names with a newline or a backslash are escaped, and the line begins with a backslash."""
    for name in AWKWARD:
        (folder.folder / name).write_bytes(b"abc")
    lines = folder.whorl("hash", *AWKWARD).stdout_bytes.decode().split("\n")
    digest = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"

    assert lines == [
        f"{digest}  plain",
        f"{digest}  with space",
        f"\\{digest}  back\\\\slash",
        f"\\{digest}  new\\nline",
        f"\\{digest}  return\\rhere",
        f"{digest}  Ünï",
        "",
    ]


def test_hash_prints_utf_8_whatever_the_terminal_has(folder: PipelineFolder) -> None:
    """A list of digests is a file, not a text for people; bytes that are no text become the replacement mark."""
    names = ["Ünï".encode(), b"no\xfftext"]
    for name in names:
        (folder.folder / os.fsdecode(name)).write_bytes(b"")
    done = subprocess.run(
        [*WHORL, "hash", *names],
        cwd=folder.folder,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    shown = [line.partition(b"  ")[2].decode() for line in done.stdout.splitlines()]

    assert shown == ["Ünï", "no\ufffdtext"]


def test_standard_input_is_a_dash(folder: PipelineFolder) -> None:
    """As b3sum names it."""
    digest = whorl.Hasher(b"abc").hexdigest()

    assert folder.whorl("hash", stdin=b"abc").stdout == f"{digest}  -\n"
    assert folder.whorl("hash", "-", stdin=b"abc").stdout == f"{digest}  -\n"


def test_a_list_is_checked(folder: PipelineFolder) -> None:
    """Each line is told; one that does not hold gives exit status 1."""
    for name in AWKWARD:
        (folder.folder / name).write_bytes(name.encode())
    listed = folder.whorl("hash", *AWKWARD).stdout_bytes
    (folder.folder / "list").write_bytes(listed)
    right = folder.whorl("hash", "-c", "list")
    (folder.folder / "plain").write_bytes(b"other")
    (folder.folder / "Ünï").unlink()
    wrong = folder.whorl("hash", "-c", stdin=listed)

    assert (right.exit_code, wrong.exit_code) == (0, 1)
    assert right.stdout.splitlines()[:3] == ["plain: OK", "with space: OK", "\\back\\\\slash: OK"]
    assert wrong.stdout.splitlines()[0] == "plain: FAILED"
    assert wrong.stdout.splitlines()[-1] == "Ünï: FAILED (no such file or directory)"
    assert wrong.stderr == "error: 2 of 6 digests could not be confirmed\n"


def test_lists_of_other_forms_are_checked(folder: PipelineFolder) -> None:
    """What ``b3sum --tag`` prints, lines that end as on Windows; a line that is none of these does not hold."""
    (folder.folder / "a").write_bytes(b"abc")
    digest = whorl.Hasher(b"abc").hexdigest()

    assert folder.whorl("hash", "-c", stdin=f"BLAKE3 (a) = {digest}\n".encode()).exit_code == 0
    assert folder.whorl("hash", "-c", stdin=f"{digest}  a\r\n".encode()).exit_code == 0
    for line in ("", "junk", f"{digest} a", f"{digest[:-1]}  a", f"\\{digest}  a\\x"):
        result = folder.whorl("hash", "-c", stdin=f"{line}\n".encode())
        assert result.exit_code == 1, line
        assert "-:1: not a digest and a path" in result.stderr


def test_a_folder_is_digested_only_if_asked_for(folder: PipelineFolder) -> None:
    """Its line cannot be taken for a file's, and is checked like one."""
    refused = folder.whorl("hash", "raw", "units.py")
    digested = folder.whorl("hash", "--tree", "raw")

    assert refused.exit_code == 1
    assert "error: raw: it is a folder (--tree digests folders)" in refused.stderr
    assert refused.stdout.endswith("  units.py\n")
    assert digested.stdout == f"tree:{whorl.hash_tree('raw').hex()}  raw\n"
    assert folder.whorl("hash", "-c", stdin=digested.stdout_bytes).stdout == "raw: OK\n"


def test_digests_as_data(folder: PipelineFolder) -> None:
    """Paths as they were typed, and whether a list holds."""
    data = json.loads(folder.whorl("hash", "--json", "--tree", "units.py", "raw").stdout)
    listed = folder.whorl("hash", "units.py").stdout_bytes
    folder.edit("units.py", "FACTOR = 2", "FACTOR = 3")
    checked = json.loads(folder.whorl("hash", "-c", "--json", stdin=listed).stdout)

    assert [(item["path"], item["kind"]) for item in data] == [("units.py", "file"), ("raw", "folder")]
    assert checked == [{"path": "units.py", "ok": False, "error": None}]


def test_a_path_that_cannot_be_read_does_not_stop_the_others(folder: PipelineFolder) -> None:
    """Exit status 1, as with b3sum."""
    result = folder.whorl("hash", "nothing", "units.py")

    assert result.exit_code == 1
    assert result.stderr == "error: nothing: no such file or directory\n"
    assert result.stdout.endswith("  units.py\n")
    assert folder.whorl("hash", "-c", "nothing").exit_code == 2


@pytest.mark.skipif(shutil.which("b3sum") is None, reason="NOT TRIED: b3sum is not installed")
def test_b3sum_and_whorl_accept_each_others_lists(folder: PipelineFolder) -> None:
    """Whatever the names of the files are, but for a carriage return: b3sum before 1.5 does not escape it."""
    names = [name for name in AWKWARD if "\r" not in name]
    for name in names:
        (folder.folder / name).write_bytes(name.encode())
    theirs = subprocess.run(["b3sum", *names], cwd=folder.folder, capture_output=True, check=True).stdout
    ours = folder.whorl("hash", *names).stdout_bytes
    (folder.folder / "list").write_bytes(ours)
    checked = subprocess.run(["b3sum", "--check", "list"], cwd=folder.folder, capture_output=True, check=False)

    assert folder.whorl("hash", "-c", stdin=theirs).exit_code == 0
    assert checked.returncode == 0, checked
    assert ours == theirs
