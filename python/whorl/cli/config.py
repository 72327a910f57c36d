"""
``whorl config``: show the settings, and where each came from.

Beside the arrow.
"""

from __future__ import annotations

import click

from whorl import config, parameters
from whorl.cli import options
from whorl.cli.screen import out
from whorl.report.origins import draw_settings, settings_data, shown_settings


@click.command("config")
@click.option("--show-origin", is_flag=True, help="Say of each setting where it came from.")
@options.as_json
def command(*, show_origin: bool, as_json: bool) -> None:
    """Show every setting that holds here; secrets are masked."""
    shown = shown_settings(config.settings(), config.layers(), parameters.secret_names())
    unknown, screen = config.unknown_variables(), out()
    if as_json:
        screen.data(settings_data(shown, unknown))
    else:
        screen.lines(draw_settings(shown, unknown, origins=show_origin, paint=screen.paint))
