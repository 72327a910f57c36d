"""
``whorl ls``: list what is stored.

After the arrow.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from whorl import config
from whorl.access import open_access
from whorl.changes import shorten
from whorl.cli import options
from whorl.cli.screen import err, out, shown_path
from whorl.config import did_you_mean
from whorl.errors import ConfigError
from whorl.report.entries import draw_entries, sort_entries
from whorl.report.plain_data import entry_data

if TYPE_CHECKING:
    from whorl.store.base import Store
    from whorl.store.manifest import Manifest


@click.command("ls")
@click.argument("stage", required=False)
@options.as_json
def command(stage: str | None, *, as_json: bool) -> None:
    """List the entries of all stages, or of STAGE, by its whole name or its last part."""
    entries = sort_entries(every_entry())
    if stage is not None:
        entries = entries_of(stage, entries)
    screen = out()
    if as_json:
        screen.data([entry_data(entry) for entry in entries])
    elif entries:
        screen.lines(draw_entries(entries, now=time.time(), paint=screen.paint))
    else:
        err().line(f"nothing is stored in {shown_path(config.settings().filesystem)}")


def every_entry() -> list[Manifest]:
    """Read the current entries of all namespaces."""

    def read(store: Store) -> list[Manifest]:
        return list(store.entries())

    return open_access(config.settings()).attempt(read, [])


def entries_of(stage: str, entries: list[Manifest]) -> list[Manifest]:
    """Choose the entries of a stage; ConfigError with the nearest known name where there is none."""
    names = {entry.slot.stage for entry in entries}
    if stage not in names:
        meant = {name for name in names if shorten(name) == stage}
        if not meant:
            tip = did_you_mean(stage, {*names, *map(shorten, names)}) if names else ""
            raise ConfigError(f"nothing is stored for a stage {stage!r}", tip=tip)
        return [entry for entry in entries if entry.slot.stage in meant]
    return [entry for entry in entries if entry.slot.stage == stage]
