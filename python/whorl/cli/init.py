"""
``whorl init``: make a store that a team can share.

Before the arrow.
"""

from __future__ import annotations

import click

from whorl import config
from whorl.checkup import make_store
from whorl.cli import options
from whorl.cli.screen import out
from whorl.report.stores import draw_setting, draw_tier, tier_data


@click.command("init")
@click.argument("location", metavar="URL|FOLDER")
@options.as_json
def command(location: str, *, as_json: bool) -> None:
    """
    Make a store at a URL, such as s3://bucket/prefix, or in a folder; try what it guarantees, and record it.

    Where there is one already, it is only looked at.  Credentials are those of filesystem_options, the environment, or
    fsspec's configuration.
    """
    tier, screen = make_store(config.settings(), location), out()
    if as_json:
        screen.data(tier_data(tier))
        return
    screen.lines(draw_tier(tier, paint=screen.paint))
    screen.line()
    screen.lines(draw_setting(tier))
