"""
``whorl pin``: hold entries, whatever is collected.

After the arrow.
"""

from __future__ import annotations

import click

from whorl.cli import options
from whorl.cli.screen import err, out
from whorl.cli.stored import find_entries, open_store
from whorl.errors import ConfigError
from whorl.report.quantities import count
from whorl.report.upkeep import draw_pins
from whorl.report.upkeep_data import pins_data
from whorl.store.pins import pin, pins, unpin


@click.command("pin")
@click.argument("what", required=False, metavar="TARGET|STAGE|KEY")
@click.option("--name", help="The name of the pin; a second call adds to it.")
@click.option("--remove", is_flag=True, help="Remove the pin of this name.")
@click.option("--list", "lists", is_flag=True, help="List what is pinned.")
@options.as_json
def command(what: str | None, *, name: str | None, remove: bool, lists: bool, as_json: bool) -> None:
    """Hold the entries of a target's stages, of a stage, or of one key: no gc and no rm removes them."""
    if lists + remove + (what is not None) != 1:
        raise ConfigError("whorl pin does one thing at a time", tip="name a TARGET, or use --list or --remove")
    if name is None and not lists:
        raise ConfigError("a pin has a name", tip="add --name NAME")
    opened = open_store()
    if opened is None:
        return
    _, collectable = opened
    if lists:
        found = {pinned: held for pinned, held in pins(collectable.objects).items() if name in (None, pinned)}
        screen = out()
        if as_json:
            screen.data(pins_data(found))
        else:
            screen.lines(draw_pins(found, paint=screen.paint))
        return
    assert name is not None
    if what is None:
        if not unpin(collectable, name):
            raise ConfigError(f"there is no pin {name!r}", tip="whorl pin --list")
        err().line(f"removed the pin {name}")
        return
    entries = find_entries(what)
    if not entries:
        raise ConfigError(f"nothing is stored for {what}")
    err().line(f"the pin {name} holds {count(pin(collectable, name, entries), 'entry')}")
