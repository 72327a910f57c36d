"""
``whorl hash``: print digests as ``b3sum`` does, to the byte, and check lists of them.

A folder has no b3sum; with ``--tree`` its digest is printed as ``tree:…``, which no other program takes for a file's.
Beside the arrow: *digest* for people.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from whorl.cli import options
from whorl.cli.commands import FAILED
from whorl.cli.progress import shown_progress
from whorl.cli.screen import err, out
from whorl.digest import hash_file, hash_stream, hash_tree, stat_table_in_use
from whorl.errors import ConfigError, WhorlError
from whorl.fingerprint.urls import hide_secrets, is_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whorl.digest import Digest, Verify

_STDIN = "-"
_TREE = "tree:"
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_UNESCAPES = {escape: character for character, escape in _ESCAPES.items()}
_PLAIN = re.compile(r"(?P<digest>(?:tree:)?[0-9a-f]{64})  (?P<path>.+)")
_TAGGED = re.compile(r"BLAKE3 \((?P<path>.+)\) = (?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list: a digest, with ``tree:`` before a folder's, and a path."""

    digest: str
    path: str

    def __str__(self) -> str:
        mark, shown = escape(self.path)
        return f"{mark}{self.digest}  {shown}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a line of a list holds; ``failure`` says why it could not be told."""

    path: str
    is_right: bool
    failure: str = ""

    def __str__(self) -> str:
        mark, shown = escape(self.path)
        reason = f" ({self.failure})" if self.failure else ""
        return f"{mark}{shown}: {'OK' if self.is_right else 'FAILED'}{reason}"


@dataclass(frozen=True, slots=True)
class Reading:
    """How paths are read: folders too or files alone, and what of them."""

    tree: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    threads: int | None = None
    verify: Verify = "stat"


@click.command("hash")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(readable=False))
@click.option("-c", "--check", is_flag=True, help="Read digests from PATH and check them; every file is read.")
@click.option("--tree", is_flag=True, help="Digest folders, too: names and contents of all files.")
@click.option("--include", multiple=True, metavar="PATTERN", help="With --tree: only these files, as in .gitignore.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="With --tree: without these, as in .gitignore.")
@click.option(
    "--num-threads", "threads", type=click.IntRange(1, 1024), metavar="N", help="Use at most so many threads."
)
@click.option("-q", "--quiet", is_flag=True, help="With -c: show only what does not hold.")
@click.option("--stats", is_flag=True, help="Say on stderr how many files the stat table knew.")
@options.as_json
@click.pass_context
def command(
    ctx: click.Context, /, paths: tuple[str, ...], *, check: bool, quiet: bool, stats: bool, as_json: bool, **how: Any
) -> None:
    """
    Print digests of files (BLAKE3, the same lines as b3sum), or check lists of them.

    Without a PATH, or where it is -, standard input is read; of a URL, what it gives.  A file that was digested before
    and has not been touched since is not read again (WHORL_STAT_TABLE=off reads all).
    """
    chosen = paths or (_STDIN,)
    reading = Reading(**how, verify="always" if check else "stat")
    if (reading.include or reading.exclude) and not reading.tree and not check:
        raise ConfigError("--include and --exclude choose files of folders", tip="--tree digests folders")
    if check:
        is_right = show_verdicts(chosen, reading, as_json=as_json, quiet=quiet)
    else:
        is_right = show_digests(chosen, reading, as_json=as_json)
    if stats:
        show_stats()
    if not is_right:
        ctx.exit(FAILED)


def show_stats() -> None:
    """Show what the stat table was asked, and how it went."""
    table = stat_table_in_use()
    if table is None:
        err().line("stat table: off")
        return
    failure = ""
    try:
        table.flush()
    except OSError as error:
        failure = f" cannot be written: {error.strerror or error}"
    counts = table.counts()
    looked = counts["hits"] + counts["misses"]
    words = [f"{counts['hits']} of {looked} files known"]
    if not failure:
        words.append(f"{counts['recorded']} remembered")
    notes = {
        "too_young": "changed just now, not remembered",
        "untrusted": "on file systems whose dates tell too little",
        "damaged": "damaged parts",
    }
    words += [f"{counts[name]} {note}" for name, note in notes.items() if counts[name]]
    err().line(f"stat table: {' · '.join(words)} · {table.path}{failure}")


def show_digests(paths: Iterable[str], reading: Reading, *, as_json: bool) -> bool:
    """Show the digest of each path as soon as it is known; false if one could not be read."""
    found: list[Line] = []
    failures = 0
    for path in paths:
        try:
            line = Line(digest_path(path, reading), path)
        except (WhorlError, OSError) as error:
            failures += 1
            err().line(f"{err().paint('error:', 'red')} {_shown(path)}: {_word_failure(error, path)}")
            continue
        found.append(line)
        if not as_json:
            _write(str(line))
    if as_json:
        out().data([{"path": line.path, "digest": line.digest, "kind": _kind(line)} for line in found])
    return not failures


def show_verdicts(lists: Iterable[str], reading: Reading, *, as_json: bool, quiet: bool = False) -> bool:
    """Show for each line of some lists whether it holds; false if one does not."""
    verdicts: list[Verdict] = []
    for name in lists:
        for number, text in enumerate(_read_lines(name), start=1):
            line = read_line(text)
            if line is None:
                err().line(f"{err().paint('error:', 'red')} {_readable(name)}:{number}: not a digest and a path")
                verdict = Verdict(f"{name}:{number}", is_right=False, failure="not a line")
            else:
                verdict = check_line(line, reading)
            verdicts.append(verdict)
            if line is not None and not as_json and not (quiet and verdict.is_right):
                _write(str(verdict))
    if as_json:
        out().data([{"path": item.path, "ok": item.is_right, "error": item.failure or None} for item in verdicts])
    wrong = sum(not verdict.is_right for verdict in verdicts)
    if wrong:
        err().line(f"{err().paint('error:', 'red')} {wrong} of {len(verdicts)} digests could not be confirmed")
    return not wrong


def digest_path(path: str, reading: Reading) -> str:
    """Digest a file, standard input, what a URL gives or, where that was asked for, a folder."""
    if path == _STDIN:
        return hash_stream(sys.stdin.buffer).hex()
    if is_url(path) and not os.path.lexists(path):
        from whorl.fingerprint.remote_inputs import hash_url

        return hash_url(path).hex()
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        if not reading.tree:
            raise ConfigError("it is a folder", tip="--tree digests folders")
        return _TREE + _digest_folder(path, reading).hex()
    if stat.S_ISREG(mode):
        with shown_progress(path) as progress:
            return hash_file(path, threads=reading.threads, verify=reading.verify, progress=progress).hex()
    with open(path, "rb") as stream:  # a pipe, or what the shell made of <(command)
        return hash_stream(stream).hex()


def _digest_folder(path: str, reading: Reading) -> Digest:
    with shown_progress(path) as progress:
        return hash_tree(
            path,
            include=reading.include,
            exclude=reading.exclude,
            threads=reading.threads,
            verify=reading.verify,
            progress=progress,
        )


def check_line(line: Line, reading: Reading) -> Verdict:
    """Digest a path again and compare."""
    try:
        now = digest_path(line.path, replace(reading, tree=line.digest.startswith(_TREE)))
    except (WhorlError, OSError) as error:
        return Verdict(line.path, is_right=False, failure=_word_failure(error, line.path))
    return Verdict(line.path, now == line.digest)


def read_line(text: str) -> Line | None:
    """Read a line as it is printed here or by ``b3sum``, with or without ``--tag``; None for anything else."""
    rest = text.removeprefix("\\")
    match = _PLAIN.fullmatch(rest) or _TAGGED.fullmatch(rest)
    if match is None:
        return None
    if rest == text:
        return Line(match["digest"], match["path"])
    if re.sub(r"\\[\\nr]", "", match["path"]).count("\\"):
        return None
    return Line(match["digest"], re.sub(r"\\[\\nr]", lambda found: _UNESCAPES[found[0]], match["path"]))


def escape(path: str) -> tuple[str, str]:
    """Give the mark and the path that stand for a path in a line: one with a newline or a backslash is escaped."""
    shown = _readable(path)
    escaped = re.sub(r"[\\\n\r]", lambda found: _ESCAPES[found[0]], shown)
    return ("\\" if escaped != shown else ""), escaped


def _shown(path: str) -> str:
    return _readable(hide_secrets(path) if is_url(path) else path)


def _readable(path: str) -> str:
    """Replace what is not text in a path, as ``b3sum`` does."""
    shown = path.replace("\\", "/") if os.name == "nt" else path
    return os.fsencode(shown).decode("utf-8", "replace")


def _read_lines(path: str) -> Iterator[str]:
    if path == _STDIN:
        data = sys.stdin.buffer.read()
    else:
        try:
            with open(path, "rb") as stream:
                data = stream.read()
        except OSError as error:
            raise ConfigError(f"the list {_readable(path)} cannot be read", error.strerror or str(error)) from error
    text = data.decode("utf-8", "surrogateescape")
    return (line.removesuffix("\r") for line in text.removesuffix("\n").split("\n") if text)


def _word_failure(error: WhorlError | OSError, path: str) -> str:
    if isinstance(error, WhorlError):
        words = error.message.removeprefix(f"{path}: ").removeprefix(f"{_shown(path)} ")
        if is_url(path) and error.cause:
            return f"{words} ({error.cause})"
        return f"{words} ({error.tip})" if isinstance(error, ConfigError) else words
    words = (error.strerror or str(error)).lower()
    inside = error.filename if isinstance(error.filename, str) else path
    return words if inside == path else f"{_shown(inside)}: {words}"


def _kind(line: Line) -> str:
    return "folder" if line.digest.startswith(_TREE) else "stdin" if line.path == _STDIN else "file"


def _write(text: str) -> None:
    """Write a line as ``b3sum`` does: in UTF-8 whatever the terminal has."""
    click.echo((text + "\n").encode(), nl=False)
