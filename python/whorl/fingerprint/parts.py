"""
The named components of a fingerprint in, what differs between two of them out.

A ``Part`` is plain data, small enough to be stored beside a manifest: ``explain`` compares the tree of an old entry
with the present one and names every difference.  Digests of parts are local: a changed helper changes its own part,
not those of its callers.  On the arrow: beside *fingerprint*, read by *explain*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LAYOUT = frozenset(("COMMENT", "NL", "NEWLINE", "INDENT", "DEDENT"))
_LITERALS = frozenset(("NUMBER", "STRING", "FSTRING_MIDDLE"))
_LONGEST_VALUE = 60
# What a part is, rather than one of the things in it: these stand under the part's own name.
_OWN_PARTS = frozenset(("code", "value", "name", "of type", "version", "facts"))


@dataclass(frozen=True, slots=True)
class Part:
    """
    One named part of a fingerprint.

    ``name``: ``code``, ``default/x``, ``cell/x``, ``global/K``, ``helper/mod.f``, ``class/mod.C``,
    ``distribution/pandas`` …; ``where``: ``utils.py:12`` or empty; ``text``: source of code, a short repr of a value,
    a version; never in the digest.
    """

    name: str
    digest: Digest
    where: str = ""
    text: str = ""
    children: tuple[Part, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Give the tree as plain data for JSON; empty fields are left out."""
        data: dict[str, object] = {"name": self.name, "digest": self.digest.hex()}
        if self.where:
            data["where"] = self.where
        if self.text:
            data["text"] = self.text
        if self.children:
            data["children"] = [child.to_json() for child in self.children]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Part:
        """Build the tree from what ``to_json`` gave."""
        children = data.get("children", ())
        assert isinstance(children, list | tuple)
        return cls(
            str(data["name"]),
            Digest.from_hex(str(data["digest"])),
            str(data.get("where", "")),
            str(data.get("text", "")),
            tuple(cls.from_json(child) for child in children),
        )


def read_parts(data: bytes) -> Part | None:
    """Read a stored tree; None for one that is none: it only explains, and may be anybody's."""
    import json

    try:
        return Part.from_json(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class Difference:
    """A named difference: ``name`` of the part, ``where`` it stands, ``change`` in words, the two texts for a diff."""

    name: str
    where: str
    change: str
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        kind, _, rest = self.name.partition("/")
        subject = f"{kind} {rest}" if rest else kind
        place = f" ({self.where})" if self.where else ""
        joint = ": " if "→" in self.change and kind != "distribution" else " "
        return f"{subject}{place}{joint}{self.change}"


def differences(old: Part, new: Part) -> tuple[Difference, ...]:
    """Name every difference between two trees; empty if their digests agree everywhere."""
    before, after = dict(_flatten(old, "")), dict(_flatten(new, ""))
    names = dict.fromkeys([*before, *after])
    # What had no parts and has some now is still there, and so is what lost its parts.
    holders = {holder for name in names for holder in _holders(name)}
    compared = (name for name in names if name not in holders or (name in before and name in after))
    found = [_compare(name, before.get(name), after.get(name)) for name in compared]
    named = tuple(difference for difference in found if difference is not None)
    # What leads where may change with no part of its own: two equal helpers that become one.
    return named or ((Difference(new.name, new.where, "changed"),) if old.digest != new.digest else ())


def _holders(name: str) -> Iterator[str]:
    """Yield the names of everything that holds a part."""
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _flatten(part: Part, prefix: str) -> Iterator[tuple[str, Part]]:
    """Yield each leaf under the name of its owner; a helper's own code stands under the helper's name."""
    for child in part.children:
        name = prefix if child.name in _OWN_PARTS and prefix else f"{prefix}/{child.name}".removeprefix("/")
        if child.children:
            yield from _flatten(child, name)
        else:
            yield name, child


def _compare(name: str, old: Part | None, new: Part | None) -> Difference | None:
    if old is None:
        assert new is not None
        return Difference(name, new.where, "added", "", new.text)
    if new is None:
        return Difference(name, old.where, "gone", old.text, "")
    if old.digest == new.digest:
        return None
    return Difference(name, new.where, _word_change(old.text, new.text), old.text, new.text)


def _word_change(old: str, new: str) -> str:
    if "\n" not in old and "\n" not in new and old != new and old and new and len(old + new) <= 2 * _LONGEST_VALUE:
        return f"{old} → {new}"
    literals = _changed_literals(old, new)
    if literals:
        return ", ".join(f"constant {before} → {after}" for before, after in literals)
    return "changed"


def _changed_literals(old: str, new: str) -> list[tuple[str, str]]:
    """Return the literals that differ, if nothing but literals does."""
    before, after = _tokens(old), _tokens(new)
    if len(before) != len(after):
        return []
    pairs = [(left, right) for left, right in zip(before, after, strict=True) if left != right]
    only_literals = all(left[0] == right[0] in _LITERALS for left, right in pairs)
    return [(left[1], right[1]) for left, right in pairs] if only_literals else []


def _tokens(text: str) -> list[tuple[str, str]]:
    """Return the kinds and texts of tokens, without comments and layout; nothing where the text is not Python."""
    import io
    import tokenize

    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    named = ((tokenize.tok_name[token.type], token.string) for token in tokens)
    return [(kind, string) for kind, string in named if kind not in _LAYOUT]
