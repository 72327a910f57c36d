"""
What is not as it was, in words: components of a key, files of a raw input, parts of code, the fate of upstreams.

The words are those that lines of ``whorl run``, ``status`` and ``why`` show.  Beside the arrow: *explain* finds the
differences, this names them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from whorl.derive import Derived
    from whorl.digest import Digest
    from whorl.fingerprint.parts import Difference
    from whorl.outcome import Outcome
    from whorl.store.manifest import RawFile

_SHOWN_NAMES = 2


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a raw input that is not as it was: ``old`` is None where it is new, ``new`` where it is gone."""

    name: str
    old: RawFile | None
    new: RawFile | None


@dataclass(frozen=True, slots=True)
class Change:
    """
    One thing that is not as it was, and the reason in a few words.

    ``component`` is its name in the key, or ``entry``, ``expiry``, ``mode``, ``revision``, ``trace`` or ``window`` for
    what is not in the key.
    """

    component: str
    reason: str
    files: tuple[FileChange, ...] = ()
    code: tuple[Difference, ...] = ()


def compare_files(component: str, old: Sequence[RawFile], new: Sequence[RawFile]) -> Change:
    """Name the files of a raw input that are not as they were."""
    before, after = {file.name: file for file in old}, {file.name: file for file in new}
    changed = tuple(
        FileChange(name, before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )
    return Change(component, word_files(component, changed, before.keys() & after.keys(), list(after)), changed)


def word_files(component: str, changes: Sequence[FileChange], common: set[str], names: Sequence[str]) -> str:
    """Word which files of a raw input changed, were added or are gone."""
    if not common:
        return f"first run with {names[0]}" if len(names) == 1 else f"first run with {len(names)} other files"
    if len(names) == 1 and len(changes) == 1:
        return f"{component}: {names[0]} changed"
    groups = {
        "changed": [change.name for change in changes if change.old and change.new],
        "added": [change.name for change in changes if change.old is None],
        "gone": [change.name for change in changes if change.new is None],
    }
    words = [_word_group(verb, group, len(names)) for verb, group in groups.items() if group]
    return f"{component}: {', '.join(words) or 'another name'}"


def _word_group(verb: str, names: Sequence[str], total: int) -> str:
    listed = ", ".join(names[:_SHOWN_NAMES]) + (", …" if len(names) > _SHOWN_NAMES else "")
    number = f"{len(names)} of {total} files" if verb == "changed" else f"{len(names)} file{'s'[: len(names) != 1]}"
    return f"{number} {verb} ({listed})"


def shorten(name: str) -> str:
    """Give the last part of a dotted name; a name that was made up by the user stays as it is."""
    return re.split(r"[.:]", name)[-1] if re.fullmatch(r"[\w.:<>]+", name) else name


def name_shortly(names: Iterable[str]) -> dict[str, str]:
    """Give each stage the last part of its name, or the whole where two would look the same."""
    short = {name: shorten(name) for name in names}
    taken = list(short.values())
    return {name: shown if taken.count(shown) == 1 else name for name, shown in short.items()}


def word_component(name: str, sources: Mapping[str, str]) -> str:
    """Name a component as a reader would."""
    kind, _, subject = name.partition("/")
    words = {
        "args": f"argument {subject}",
        "env": f"environment variable {subject}",
        "nested": f"stage {shorten(subject)}",
        "upstream": shorten(sources.get(subject, subject)),
    }
    return words.get(kind, name)


def telling(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """Put what changed before what is new or gone; what names mean follows from the rest where there is any."""
    ordered = sorted(found, key=lambda item: (item.change in ("added", "gone"), item.name != "code"))
    found_names = tuple(item for item in ordered if item.name.rpartition("/")[2] != "names")
    return found_names or tuple(ordered)


def word_difference(difference: Difference) -> str:
    """Word one difference for a line: ``helper scale changed (utils.py:12)``, ``pandas 2.1 → 2.2``."""
    kind, _, rest = difference.name.partition("/")
    subject, *inside = rest.split("/")
    name = shorten(subject) if difference.where else subject
    words = name if kind == "distribution" else f"{kind} {name}".rstrip()
    words = ", ".join([words, " ".join(inside)]) if inside else words
    joint = ": " if "→" in difference.change and kind != "distribution" else " "
    return f"{words}{joint}{difference.change}" + (f" ({difference.where})" if difference.where else "")


def word_kept(derived: Derived, seen: Mapping[Digest | None, Outcome], sources: Mapping[str, str]) -> str:
    """Word why a call was kept."""
    groups: dict[str, list[str]] = {"ran": [], "kept": []}
    for item in derived.upstreams:
        kind = seen[item.key].kind if item.key in seen else ""
        groups.setdefault(kind, []).append(shorten(sources.get(item.name, item.name)))
    ran, kept = groups["ran"], groups["kept"]
    if kept and not ran:
        return f"{_listed(kept)} {'were' if len(kept) > 1 else 'was'} kept"
    same = ran or [name for names in groups.values() for name in names]
    return f"{_listed(same)} gave the same result{'s'[: len(same) != 1]}" if same else "known under another name"


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _SHOWN_NAMES:
        return " and ".join(names)
    return f"{names[0]} and {len(names) - 1} others"
