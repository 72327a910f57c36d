"""
``whorl rm``: remove entries from the store.

After the arrow.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import click

from whorl import config
from whorl.access import open_access
from whorl.cli import options
from whorl.cli.ls import entries_of, every_entry
from whorl.cli.screen import err, prints_apart
from whorl.cli.target import find_target
from whorl.errors import ConfigError
from whorl.report.entries import draw_entries, sort_entries, word_totals
from whorl.report.plain_data import entry_data

if TYPE_CHECKING:
    from whorl.store.base import Store
    from whorl.store.manifest import Manifest

_KEY = re.compile(r"[0-9a-f]{4,64}")


@click.command("rm")
@click.argument("what", metavar="TARGET|STAGE|KEY")
@click.option("--yes", is_flag=True, help="Remove; without it, entries are listed and stay.")
@options.as_json
def command(what: str, *, yes: bool, as_json: bool) -> None:
    """
    Remove the entries of a target's stages, of a stage, or of one key (its first digits are enough).

    Without --yes nothing is removed: what would be is listed.
    """
    with prints_apart(apart=as_json) as screen:
        entries = sort_entries(find_entries(what))
        removed = [entry for entry in entries if remove(entry)] if yes else []
        if as_json:
            screen.data({"removed": yes, "entries": [entry_data(entry) for entry in (removed if yes else entries)]})
        elif not entries:
            err().line(f"nothing is stored for {what}")
        elif yes:
            screen.line(f"removed {word_totals(removed)}")
        else:
            screen.lines(draw_entries(entries, now=time.time(), paint=screen.paint))
            screen.line(f"nothing was removed · to remove: whorl rm {what} --yes")


def find_entries(what: str) -> list[Manifest]:
    """Find the entries that a key's first digits, a stage's name or a target stands for."""
    entries = every_entry()
    if what.endswith(".py") or ":" in what:
        names = {stage.definition.name for stage in find_target(what).stages}
        return [entry for entry in entries if entry.slot.stage in names]
    found = [entry for entry in entries if _KEY.fullmatch(what) and entry.slot.key.hex().startswith(what)]
    keys = {entry.slot.key for entry in found}
    if len(keys) > 1:
        raise ConfigError(f"several keys begin with {what}", ", ".join(key.short for key in keys), "give more digits")
    return found or entries_of(what, entries)


def remove(entry: Manifest) -> bool:
    """Remove an entry with its generations; false where it was gone already."""

    def act(store: Store) -> bool:
        return store.remove(entry.slot)

    with config.options(strict=True):  # a person asked for it: a failure is not a warning
        return open_access(config.settings()).attempt(act, otherwise=False)
