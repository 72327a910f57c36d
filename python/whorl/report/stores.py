"""
Stores and transfers in, lines of text out: what ``init``, ``doctor``, ``push`` and ``pull`` print.

After the arrow.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from whorl.report.quantities import count, spell_seconds, spell_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whorl.checkup import TierState
    from whorl.transfer import Transferred

_COLOURS = {"ready": "green", "failing": "red", "not there yet": "yellow"}


def draw_tier(tier: TierState, *, paint: Callable[[str, str], str]) -> Iterator[str]:
    """Draw one store: a line, and below it what it guarantees or what is wrong."""
    took = f" · {spell_seconds(tier.seconds)} for one request" if tier.seconds is not None else ""
    yield f"{tier.name:<8} {paint(tier.state, _COLOURS[tier.state])}   {tier.url}{took}"
    if tier.trouble:
        yield f"         cause: {tier.trouble}"
    if tier.tip:
        yield f"         tip: {tier.tip}"
    if tier.capabilities is not None:
        yield f"         {_word_guarantees(tier)} · {tier.tested}"


def draw_setting(tier: TierState) -> Iterator[str]:
    """Draw what to write into the project's settings, so that a store is used."""
    yield "to use it, write into pyproject.toml:"
    yield ""
    yield "[tool.whorl]"
    yield f'filesystem = "{tier.url}"'


def word_transfer(verb: str, done: Transferred) -> str:
    """Word a transfer in one line."""
    words = f"{verb} {count(done.copied, 'entry')}, {spell_size(done.size)}"
    words += f" · {done.present} were there" if done.present else ""
    return words + (f" · {done.refused} not: damaged, outdated, a pickle, or answered there" if done.refused else "")


def tier_data(tier: TierState) -> dict[str, object]:
    """Give a store as data for scripts."""
    return asdict(tier)


def _word_guarantees(tier: TierState) -> str:
    assert tier.capabilities is not None
    if not tier.capabilities.writes:
        return "only read"
    missing = [
        word
        for word, has in (("creating", tier.capabilities.creates_once), ("replacing", tier.capabilities.replaces_once))
        if not has
    ]
    return f"locks stand in for {' and '.join(missing)} once" if missing else "creates once, replaces once"
