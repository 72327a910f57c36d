"""
``whorl doctor``: look at every store that the settings name.

Beside the arrow.
"""

from __future__ import annotations

import sys

import click

from whorl import config
from whorl.checkup import examine
from whorl.cli import options
from whorl.cli.commands import FAILED
from whorl.cli.screen import out
from whorl.report.stores import draw_tier, tier_data


@click.command("doctor")
@options.as_json
def command(*, as_json: bool) -> None:
    """Say of each store whether it answers, what it guarantees, and what its kind was tested against."""
    tiers, screen = list(examine(config.settings())), out()
    if as_json:
        screen.data([tier_data(tier) for tier in tiers])
    else:
        for tier in tiers:
            screen.lines(draw_tier(tier, paint=screen.paint))
    if any(tier.state == "failing" for tier in tiers):
        sys.exit(FAILED)
