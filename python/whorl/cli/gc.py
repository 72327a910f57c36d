"""
``whorl gc``: remove what is old, expired or too much.

After the arrow.
"""

from __future__ import annotations

import click

from whorl import config
from whorl.access import uses_of
from whorl.cli import options
from whorl.cli.screen import out
from whorl.cli.stored import open_store, stages_named
from whorl.report.upkeep import draw_collected
from whorl.report.upkeep_data import collected_data
from whorl.store.collect import collect, plan_collection
from whorl.store.collect_plan import GRACE, Limits


@click.command("gc")
@click.argument("targets", nargs=-1, metavar="[TARGET|STAGE]...")
@click.option("--older-than", type=options.DURATION, help="Remove what was neither stored nor used for so long: 30d.")
@click.option("--max-size", type=options.SIZE, help="Remove what saves least for its bytes until the rest fits: 50GB.")
@click.option("--keep-last", type=click.IntRange(0), metavar="N", help="Spare the newest N entries of each stage.")
@click.option("--namespace", help="Collect in this namespace only.")
@click.option("--stage", "stages", multiple=True, help="Collect entries of this stage only; repeat it.")
@click.option("--grace", type=options.DURATION, default=GRACE, help="How long payloads outlive their entries: 24h.")
@click.option("--local", is_flag=True, help="Collect in the local tier instead of the root.")
@click.option("--yes", is_flag=True, help="Remove; without it, what would go is listed.")
@options.as_json
def command(  # noqa: PLR0913 - one parameter for each option
    targets: tuple[str, ...],
    *,
    older_than: float | None,
    max_size: int | None,
    keep_last: int | None,
    namespace: str | None,
    stages: tuple[str, ...],
    grace: float,
    local: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """
    Remove entries that expired, are too old or too many, and the payloads and leftovers of those removed before.

    Without --yes nothing is removed: what would be is listed.  An entry is gone at once; its payload is freed by the
    first whorl gc --yes after the grace, and whorl restore brings the entry back until then.
    """
    opened = open_store(mode="local_strict" if local else None)
    if opened is None:
        return
    store, collectable = opened
    names = {name for what in (*targets, *stages) for name in stages_named(what, store)}
    limits = Limits(older_than, max_size, keep_last, grace, namespace, frozenset(names) if names else None)
    uses = uses_of(config.settings().filesystem)
    collected = (collect if yes else plan_collection)(collectable, limits, uses.ages())
    if yes and not local:  # what went from the local tier alone may still be used from the root
        uses.drop(each.entry.slot for each in collected.condemned if store.lookup(each.entry.slot) is None)
    screen = out()
    if as_json:
        screen.data(collected_data(collected, removed=yes))
    else:
        screen.lines(draw_collected(collected, removed=yes, grace=grace, paint=screen.paint))
