"""
``whorl pull``: copy entries of the root and the mirrors to the local tier.

After the arrow.
"""

from __future__ import annotations

import click

from whorl.cli import options
from whorl.cli.moving import move
from whorl.transfer import pull


@click.command("pull")
@click.argument("what", metavar="[TARGET|STAGE|KEY]", required=False)
@options.as_json
def command(what: str | None, *, as_json: bool) -> None:
    """Copy what is shared to the local tier, for the time without a network: everything, or what is named."""
    move("pulled", pull, what, as_json=as_json)
