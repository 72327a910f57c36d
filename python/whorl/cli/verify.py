"""
``whorl verify``: check entries against their digests, and some against computing them again.

After the arrow.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import click

from whorl.cli import options
from whorl.cli.commands import FAILED
from whorl.cli.screen import prints_apart
from whorl.cli.stored import find_slots, open_store
from whorl.cli.target import bind_goal, find_stored, find_target
from whorl.errors import ConfigError
from whorl.recheck import recheck
from whorl.report.upkeep import draw_rechecked, draw_verified
from whorl.report.upkeep_data import verified_data
from whorl.store.collect_survey import survey
from whorl.store.verify import Verified, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.recheck import Rechecked
    from whorl.store.collectable import Collectable
    from whorl.store.manifest import Slot


@click.command("verify")
@click.argument("what", required=False, metavar="[TARGET|STAGE|KEY]")
@click.option("--all", "everything", is_flag=True, help="Check the whole store: what happens without a TARGET.")
@click.option("--repair", is_flag=True, help="Move damaged entries aside: they are misses, and computed again.")
@click.option("--recompute", type=click.IntRange(1), metavar="N", help="Compute up to N calls again and compare.")
@options.as_json
@click.pass_context
def command(
    ctx: click.Context, what: str | None, *, everything: bool, repair: bool, recompute: int | None, as_json: bool
) -> None:
    """
    Read entries with all their files and check them against their digests; exit with status 1 if anything is wrong.

    --recompute takes stages that can be called as they are (no arguments, or defaults) and have a fresh entry.
    """
    if everything and what:
        raise ConfigError("--all is the whole store, and a TARGET is a part of it", tip="give one of them")
    with prints_apart(apart=as_json) as screen:
        opened = open_store()
        if opened is None:
            return
        store, collectable = opened
        verified = verify(store, collectable, _chosen(what, collectable), repair=repair)
        again = recompute_some(what, recompute) if recompute else []
        if as_json:
            screen.data(verified_data(verified, again))
        else:
            screen.lines(draw_verified(verified, paint=screen.paint))
            screen.lines(draw_rechecked(again, paint=screen.paint) if recompute else [])
    if is_wrong(verified, again):
        ctx.exit(FAILED)


def recompute_some(what: str | None, number: int) -> list[Rechecked]:
    """Compute some calls again whose entries are fresh, chosen at random."""
    target = find_target(what) if what else find_stored()
    calls = [call for call in bind_goal(target, everything=True).calls if call.stored]
    if what and not target.is_whole:
        names = {stage.definition.name for stage in target.stages}
        calls = [call for call in calls if call.definition.name in names]
    random.shuffle(calls)
    found: list[Rechecked] = []
    for call in calls:
        if len(found) < number and (checked := recheck(call)) is not None:
            found.append(checked)
    return found


def is_wrong(verified: Verified, again: list[Rechecked]) -> bool:
    """Tell whether anything is not as it should be."""
    return bool(verified.findings) or any(each.agrees is False for each in again)


def _chosen(what: str | None, collectable: Collectable) -> Callable[[Slot], bool] | None:
    if what is None:
        return None
    slots = set(find_slots(what, (entry.slot for entry in survey(collectable.objects, is_dated=False).manifests)))
    return lambda slot: slot in slots
