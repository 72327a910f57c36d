"""
What a person typed in, stored entries and their slots out; and the store itself, for those who look after it.

Before the arrow: which entries are meant.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from whorl import config
from whorl.access import open_access
from whorl.changes import shorten
from whorl.cli.ls import entries_of, every_entry
from whorl.cli.screen import err, shown_path
from whorl.cli.target import find_target
from whorl.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whorl.store.base import Store
    from whorl.store.collectable import Collectable
    from whorl.store.manifest import Manifest, Slot

_KEY = re.compile(r"[0-9a-f]{4,64}")


def open_store(mode: str | None = None) -> tuple[Store, Collectable] | None:
    """
    Open the store for one who looks after it, where a failure is no warning; None where there is none yet.

    With a mode, it is the store that this mode writes.
    """
    with config.options(strict=True, **({} if mode is None else {"mode": mode})):
        settings = config.settings()
        store = open_access(replace(settings, verify="always")).store
    collectable = store.collectable() if store is not None else None
    if store is None or collectable is None:
        where = settings.filesystem if mode is None else "the local tier"
        err().line(f"nothing is stored in {shown_path(where)}")
        return None
    return store, collectable


def find_entries(what: str) -> list[Manifest]:
    """Find the current entries that a key's first digits, a stage's name or a target stands for."""
    entries = every_entry()
    if _is_target(what):
        names = _names_of(what)
        return [entry for entry in entries if entry.slot.stage in names]
    key = _one_key(what, (entry.slot for entry in entries))
    return [entry for entry in entries if entry.slot in key] or entries_of(what, entries)


def chooser(what: str | None) -> Callable[[Manifest], bool]:
    """Say which entries a key's first digits, a stage's name or a target stands for; None stands for all."""
    if what is None:
        return lambda _: True
    if _is_target(what):
        names = _names_of(what)
        return lambda entry: entry.slot.stage in names
    is_key = bool(_KEY.fullmatch(what))

    def chooses(entry: Manifest) -> bool:
        slot = entry.slot
        return what in (slot.stage, shorten(slot.stage)) or (is_key and slot.key.hex().startswith(what))

    return chooses


def find_slots(what: str, slots: Iterable[Slot]) -> list[Slot]:
    """Choose the slots that a key's first digits, a stage's name or a target stands for; ConfigError if none."""
    known = sorted(set(slots), key=lambda slot: (slot.stage, slot.namespace, slot.key.hex()))
    if _is_target(what):
        names = _names_of(what)
        found = [slot for slot in known if slot.stage in names]
    else:
        key = _one_key(what, known)
        found = [slot for slot in known if slot in key or what in (slot.stage, shorten(slot.stage))]
    if not found:
        raise ConfigError(f"nothing is stored for {what}", tip="whorl ls lists what is stored")
    return found


def stages_named(what: str, store: Store) -> set[str]:
    """Give the stages that a target or a name stands for; ConfigError if nothing is stored for such a stage."""
    if _is_target(what):
        return _names_of(what)
    found = {name for name in store.stages() if what in (name, shorten(name))}
    if not found:
        raise ConfigError(f"nothing is stored for a stage {what!r}", tip="whorl ls lists what is stored")
    return found


def _is_target(what: str) -> bool:
    return what.endswith(".py") or ":" in what


def _names_of(what: str) -> set[str]:
    return {stage.definition.name for stage in find_target(what).stages}


def _one_key(what: str, slots: Iterable[Slot]) -> set[Slot]:
    """Choose the slots whose key begins so; ConfigError where that is more than one key."""
    found = {slot for slot in slots if _KEY.fullmatch(what) and slot.key.hex().startswith(what)}
    keys = {slot.key for slot in found}
    if len(keys) > 1:
        shown = ", ".join(sorted(key.short for key in keys))
        raise ConfigError(f"several keys begin with {what}", shown, "give more digits")
    return found
