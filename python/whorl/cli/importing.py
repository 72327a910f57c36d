"""
``whorl import``: adopt what Nuthatch or LWDP has cached, so that the first run computes only what they have not.

Before the arrow: entries that stand there when the first call comes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from whorl import config
from whorl.adoption import lwdp, nuthatch
from whorl.adoption.adopt import adopt_all
from whorl.adoption.offers import Allowed
from whorl.adoption.texts import Types, read_types
from whorl.cli import options
from whorl.cli.screen import prints_apart
from whorl.cli.target import find_target
from whorl.errors import ConfigError
from whorl.graph import build_graph
from whorl.report.adopted import Imported, draw_item, imported_data, word_imported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from whorl.adoption.adopt import Adopted
    from whorl.adoption.offers import Offer, Skipped
    from whorl.definition import Definition

    Finder = Callable[[list[Definition]], Iterable[Offer | Skipped]]

_folder = click.argument("path")
_targets = click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
_dry = click.option("-n", "--dry-run", "dry", is_flag=True, help="Say what would be adopted, and store nothing.")
_lossy = click.option("--lossy", is_flag=True, help="Adopt files that do not keep types or index, as they are read.")
_pickles = click.option("--pickles", is_flag=True, help="Adopt pickles: loading one runs what its writer chose.")


@click.group("import")
def command() -> None:
    """
    Adopt what another tool has cached for the stages of TARGET; its cache is only read.

    An entry is adopted where it is sure which call it is of.  Its code is not checked: it answers until the code,
    arguments or inputs of its stage change.
    """


@command.command("nuthatch")
@_folder
@_targets
@_dry
@_lossy
@_pickles
@click.option("--local", "is_local", is_flag=True, help="PATH is a local cache: its keys have every argument.")
@click.option("--type", "types", multiple=True, metavar="NAME=TYPE", help="The type of an argument; repeat it.")
@click.option("--trust-defaults", is_flag=True, help="An argument without a type has that of its default, or is None.")
@click.option("--backend", default="", metavar="NAME", help="Look at what this backend of Nuthatch has stored alone.")
@options.as_json
def import_nuthatch(
    path: str, *, targets: tuple[str, ...], types: tuple[str, ...], backend: str, is_local: bool, **flags: bool
) -> None:
    """
    Adopt the cache of Nuthatch in the folder PATH, the `filesystem` of its settings.

    The text of a key must say what the arguments were: --type, or annotations of the stages, tell how to read it.
    """
    nuthatch.check_folder(path, is_local=is_local)
    known = Types(read_types(types), trusts_defaults=flags["trust_defaults"])
    source = nuthatch.Source(path, known, _allowed(flags), is_local, backend)
    _adopt("nuthatch", path, targets, lambda stages: nuthatch.offers(source, stages), flags)


@command.command("lwdp")
@_folder
@_targets
@_dry
@_lossy
@_pickles
@options.as_json
def import_lwdp(path: str, *, targets: tuple[str, ...], **flags: bool) -> None:
    """
    Adopt the cache of LWDP in the folder PATH, which is ~/.lwdp_cache.

    A file is adopted where LWDP would still use it: for the same source, raw files and upstreams.
    """
    lwdp.check_folder(path)
    allowed = _allowed(flags)
    _adopt("lwdp", path, targets, lambda stages: lwdp.offers(path, stages, allowed), flags)


def _allowed(flags: Mapping[str, bool]) -> Allowed:
    if flags["pickles"] and config.settings().pickle == "never":
        raise ConfigError("--pickles is not allowed here", 'the setting pickle is "never"')
    return Allowed(flags["lossy"], flags["pickles"])


def _adopt(tool: str, folder: str, targets: tuple[str, ...], find: Finder, flags: Mapping[str, bool]) -> None:
    as_json, dry = flags["as_json"], flags["dry"]
    with prints_apart(apart=as_json) as screen:
        stages = [stage.definition for target in targets for stage in find_target(target).stages]
        reached = list(build_graph(stages).definitions.values())
        found: list[Adopted | Skipped] = []
        with config.options(strict=True):
            for item in adopt_all(tool, os.path.abspath(folder), find(reached), dry=dry):
                found.append(item)
                if not as_json:
                    screen.line(draw_item(item, dry=dry, paint=screen.paint))
        done = Imported(tool, found, dry)
        if as_json:
            screen.data(imported_data(done))
        else:
            screen.line(word_imported(done))
