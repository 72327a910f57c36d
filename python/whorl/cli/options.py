"""
Options that several commands share.

Before the arrow: part of reading what a person typed.
"""

from __future__ import annotations

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print data for scripts.")
arguments = click.option(
    "-a", "--argument", "arguments", multiple=True, metavar="NAME=VALUE", help="An argument of the stage; repeat it."
)
