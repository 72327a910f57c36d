"""
``whorl ls``: list what is stored.

After the arrow.
"""

from __future__ import annotations

import time
from itertools import groupby
from typing import TYPE_CHECKING

import click

from whorl import config
from whorl.access import open_access
from whorl.changes import shorten
from whorl.cli import options
from whorl.cli.screen import err, out, shown_path
from whorl.errors import ConfigError
from whorl.report.entries import draw_listing, sort_entries
from whorl.report.plain_data import entry_data
from whorl.settings import did_you_mean
from whorl.store.listing import Listing, join
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from whorl.store.base import Store
    from whorl.store.manifest import Manifest


@click.command("ls")
@click.argument("stage", required=False)
@options.as_json
def command(stage: str | None, *, as_json: bool) -> None:
    """List the entries of all stages, or of STAGE, by its whole name or its last part."""
    screen = out()
    if as_json:
        entries = sort_entries(every_entry())
        screen.data([entry_data(entry) for entry in (entries if stage is None else entries_of(stage, entries))])
        return
    listing = join(listings_of(stage, every_listing()))
    if len(listing):
        screen.lines(draw_listing(listing, now=time.time(), paint=screen.paint))
    else:
        err().line(f"nothing is stored in {shown_path(config.settings().filesystem)}")


def every_entry() -> list[Manifest]:
    """Read the current entries of all namespaces."""

    def read(store: Store) -> list[Manifest]:
        return list(store.entries())

    return open_access(config.settings()).attempt(read, [])


def every_listing() -> list[Listing]:
    """List the current entries of all namespaces, stage by stage."""

    def read(store: Store) -> list[Listing]:
        if isinstance(store, LocalStore):
            return list(store.listings())
        return [
            Listing.of(entries) for _, entries in groupby(sort_entries(store.entries()), lambda one: one.slot.stage)
        ]

    return open_access(config.settings()).attempt(read, [])


def entries_of(stage: str, entries: list[Manifest]) -> list[Manifest]:
    """Choose the entries of a stage; ConfigError with the nearest known name where there is none."""
    meant = meant_by(stage, {entry.slot.stage for entry in entries})
    return [entry for entry in entries if entry.slot.stage in meant]


def listings_of(stage: str | None, listings: list[Listing]) -> list[Listing]:
    """Choose the listings of a stage in the same way."""
    if stage is None:
        return listings
    meant = meant_by(stage, {listing.stages[0] for listing in listings})
    return [listing for listing in listings if listing.stages[0] in meant]


def meant_by(stage: str, names: set[str]) -> set[str]:
    """Find the stages that a whole name or a last part stands for."""
    if stage in names:
        return {stage}
    meant = {name for name in names if shorten(name) == stage}
    if not meant:
        tip = did_you_mean(stage, {*names, *map(shorten, names)}) if names else ""
        raise ConfigError(f"nothing is stored for a stage {stage!r}", tip=tip)
    return meant
