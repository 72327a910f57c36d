"""
``whorl push``: copy entries of the local tier to the root.

After the arrow.
"""

from __future__ import annotations

import click

from whorl.cli import options
from whorl.cli.moving import move
from whorl.transfer import push


@click.command("push")
@click.argument("what", metavar="[TARGET|STAGE|KEY]", required=False)
@options.as_json
def command(what: str | None, *, as_json: bool) -> None:
    """Copy what is stored in the local tier to the shared store: everything, or what TARGET, STAGE or KEY names."""
    move("pushed", push, what, as_json=as_json)
