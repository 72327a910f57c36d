"""
What a person typed in, the transfer that it asks for done: what ``push`` and ``pull`` share.

After the arrow.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from whorl import config
from whorl.cli.screen import out
from whorl.cli.stored import chooser
from whorl.report.stores import word_transfer
from whorl.transfer import open_ends

if TYPE_CHECKING:
    from collections.abc import Callable

    from whorl.store.manifest import Manifest
    from whorl.transfer import Ends, Transferred


def move(
    verb: str,
    transfer: Callable[[Ends, Callable[[Manifest], bool]], Transferred],
    what: str | None,
    *,
    as_json: bool,
) -> None:
    """Transfer what is named, or everything, and say how much that was; a store that fails is an error."""
    with config.options(strict=True):
        ends = open_ends(config.settings())
        done = transfer(ends, chooser(what))
    screen = out()
    if as_json:
        screen.data(asdict(done))
    else:
        screen.line(word_transfer(verb, done))
