"""
``whorl stats``: say what the store holds, and what it saved on this machine.

After the arrow.
"""

from __future__ import annotations

import click

from whorl import config
from whorl.access import uses_of
from whorl.cli import options
from whorl.cli.screen import out
from whorl.cli.stored import open_store
from whorl.report.upkeep import draw_stats
from whorl.report.upkeep_data import stats_data
from whorl.store.collect_survey import survey


@click.command("stats")
@options.as_json
def command(*, as_json: bool) -> None:
    """
    Say what the store holds, and how often it was hit.

    Hits, and seconds saved net of loading, are those of this machine, as far as they were recorded.
    """
    opened = open_store()
    if opened is None:
        return
    found = survey(opened[1].objects, is_dated=False)
    used = uses_of(config.settings().filesystem).read()
    screen = out()
    if as_json:
        screen.data(stats_data(found, used))
    else:
        screen.lines(draw_stats(found, used, paint=screen.paint))
