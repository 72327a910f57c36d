"""
``whorl rm``: remove entries from the store.

After the arrow.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from whorl.cli import options
from whorl.cli.screen import err, prints_apart
from whorl.cli.stored import find_entries, open_store
from whorl.errors import StoreError
from whorl.report.entries import draw_entries, sort_entries, word_totals
from whorl.report.plain_data import entry_data
from whorl.store.collect import bury
from whorl.store.names import folder_name
from whorl.store.pins import pins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whorl.store.collectable import Collectable
    from whorl.store.manifest import Manifest


@click.command("rm")
@click.argument("what", metavar="TARGET|STAGE|KEY")
@click.option("--yes", is_flag=True, help="Remove; without it, entries are listed and stay.")
@click.option("--now", is_flag=True, help="Free the space at once; without it, whorl restore brings entries back.")
@click.option("--force", is_flag=True, help="Remove what is pinned, too.")
@options.as_json
def command(what: str, *, yes: bool, now: bool, force: bool, as_json: bool) -> None:
    """
    Remove the entries of a target's stages, of a stage, or of one key (its first digits are enough).

    Without --yes nothing is removed: what would be is listed.  What was removed can be restored for a day; then the
    next whorl gc --yes frees its space.
    """
    with prints_apart(apart=as_json) as screen:
        entries = sort_entries(find_entries(what))
        removed = remove(entries, now=now, force=force) if yes else []
        if as_json:
            screen.data({"removed": yes, "entries": [entry_data(entry) for entry in (removed if yes else entries)]})
        elif not entries:
            err().line(f"nothing is stored for {what}")
        elif yes:
            screen.line(f"removed {word_totals(removed)}")
            if removed and not now:
                err().line(f"to bring back within a day: whorl restore {what}")
        else:
            screen.lines(draw_entries(entries, now=time.time(), paint=screen.paint))
            screen.line(f"nothing was removed · to remove: whorl rm {what} --yes")


def remove(entries: Sequence[Manifest], *, now: bool, force: bool) -> list[Manifest]:
    """Remove entries with their generations; return those that were still there."""
    opened = open_store() if entries else None
    if opened is None:
        return []
    store, collectable = opened
    if not force:
        check_pins(collectable, entries)
    act = store.remove if now else lambda slot: bool(bury(collectable, slot))
    return [entry for entry in entries if act(entry.slot)]


def check_pins(collectable: Collectable, entries: Sequence[Manifest]) -> None:
    """Refuse to remove what somebody holds."""
    slots = {entry.slot for entry in entries}
    for space in {folder_name(slot.namespace) for slot in slots}:
        held = ((name, each) for name, held in pins(collectable.objects, space).items() for each in held)
        for name, found in ((name, each) for name, each in held if each.slot in slots):
            cause = f"{found.slot.stage} ({found.slot.key.short}) is held by the pin {name}"
            tip = f"let it go first: whorl pin --remove --name {name}; or remove it all the same: --force"
            raise StoreError("pinned entries are not removed", cause, tip)
