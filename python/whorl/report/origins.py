"""
Settings and the layers that they came from in, what ``whorl config`` prints out; no secret is in it.

After the arrow.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from whorl.fingerprint.urls import HIDDEN, hide_secrets, is_secret_name
from whorl.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from whorl.report.marks import Paint
    from whorl.sections import Layer

_ADDING = ("mirrors", "formats")
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting as it is shown: its value without secrets, and where it came from."""

    name: str
    value: object
    origin: str


def shown_settings(settings: Settings, layers: Sequence[Layer], secrets: Iterable[str] = ()) -> list[Shown]:
    """List every setting; ``secrets`` are the names of parameters that are never shown."""
    return [
        Shown(name, _masked(name, getattr(settings, name), frozenset(secrets)), _origin(name, layers))
        for name in sorted(item.name for item in fields(Settings) if item.name != "project")
    ]


def draw_settings(shown: Iterable[Shown], unknown: Sequence[str], *, origins: bool, paint: Paint) -> Iterator[str]:
    """Draw one line for each setting, and one for variables that are none."""
    rows = [(item.name, _text(item.value), item.origin) for item in shown]
    widths = [max(len(row[place]) for row in rows) for place in (0, 1)]
    for name, value, origin in rows:
        end = f"   {paint(origin, 'bright_black')}" if origins else ""
        yield f"{name:<{widths[0]}}   {value:<{widths[1] if origins else 0}}{end}".rstrip()
    if unknown:
        yield f"these variables are no settings: {', '.join(unknown)}"


def settings_data(shown: Iterable[Shown], unknown: Sequence[str]) -> dict[str, object]:
    """Give the same as data for scripts."""
    settings = {item.name: {"value": item.value, "origin": item.origin} for item in shown}
    return {"settings": settings, "unknown_variables": list(unknown)}


def _origin(name: str, layers: Sequence[Layer]) -> str:
    origins = [layer.origin for layer in layers if name in layer.values]
    if not origins:
        return DEFAULT
    return ", ".join(dict.fromkeys(origins)) if name in _ADDING else origins[-1]


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_text(item)}" for name, item in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value)) or "none"
    return "none" if value == "" else str(value).lower() if isinstance(value, bool) else str(value)


def _masked(name: str, value: object, secrets: frozenset[str]) -> object:
    """Put ``***`` for what may be a secret: every option of a store, passwords in URLs, secret parameters."""
    if name in secrets or is_secret_name(name):
        return HIDDEN
    if name == "filesystem_options":
        return {str(key): HIDDEN for key in value} if isinstance(value, dict) else HIDDEN
    if isinstance(value, dict):
        return {str(key): _masked(str(key), item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked("", item, secrets) for item in value]
    return hide_secrets(value) if isinstance(value, str) else value
