"""
``whorl restore``: make an earlier result current again.

After the arrow.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from whorl.cli import options
from whorl.cli.screen import err, out
from whorl.cli.stored import find_slots, open_store
from whorl.errors import ConfigError, NoEntryError
from whorl.report.upkeep import draw_earlier, word_restored
from whorl.report.upkeep_data import earlier_data, restored_data
from whorl.store.collect_survey import survey
from whorl.store.restore import earlier_results, restore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whorl.store.base import Store
    from whorl.store.collectable import Collectable
    from whorl.store.manifest import Manifest, Slot


@click.command("restore")
@click.argument("what", metavar="TARGET|STAGE|KEY")
@click.option("--attempt", default="", metavar="DIGITS", help="Which result: the first digits of its attempt.")
@click.option("--list", "lists", is_flag=True, help="List what can be restored.")
@options.as_json
def command(what: str, *, attempt: str, lists: bool, as_json: bool) -> None:
    """
    Make an earlier result of one key current again: the newest one, or that of --attempt.

    Of a target or a stage with several keys, the entries that were removed come back.  What is downstream of another
    value runs at its next call.
    """
    opened = open_store()
    if opened is None:
        return
    store, collectable = opened
    found = survey(collectable.objects, is_dated=False)
    slots = find_slots(what, (entry.slot for entry in found.manifests + found.tombstones))
    screen = out()
    if lists:
        earlier = [each for slot in slots for each in earlier_results(collectable, slot)]
        if as_json:
            screen.data([earlier_data(each) for each in earlier])
        else:
            screen.lines(draw_earlier(earlier, now=time.time(), paint=screen.paint))
        return
    restored = restore_each(store, collectable, slots, attempt)
    if as_json:
        screen.data([restored_data(entry) for entry in restored])
    else:
        for entry in restored:
            err().line(word_restored(entry, now=time.time()))


def restore_each(store: Store, collectable: Collectable, slots: Sequence[Slot], attempt: str) -> list[Manifest]:
    """Restore the one slot that is meant, or of several those that have no current entry."""
    if len(slots) == 1:
        return [restore(store, collectable, slots[0], attempt)]
    absent = [slot for slot in slots if store.lookup(slot) is None]
    if attempt or not absent:
        shown = ", ".join(slot.key.short for slot in slots[:5])
        raise ConfigError("several keys are meant", shown, "name one of them: whorl restore KEY")
    restored = []
    for slot in absent:
        try:
            restored.append(restore(store, collectable, slot))
        except NoEntryError as error:
            err().line(error.message)
    return restored
