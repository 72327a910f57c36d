"""
What was adopted from another tool's cache in, the lines and data of ``whorl import`` out.

    adopted   daily/7_global1_5     pipeline.daily 1f0c2ab94d21
    skipped   frame/a_b             Nuthatch's delta keeps an index as a column, and changes types: --lossy …
    adopted 1 entry of nuthatch, 12 MB · skipped 1

Beyond the arrow: pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.adoption.adopt import Adopted
from whorl.adoption.offers import Skipped
from whorl.report.quantities import count, spell_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whorl.report.marks import Paint

_LABEL_WIDTH = 32  # a longer one moves no other line


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the entries of one cache; ``dry`` tells that nothing was stored."""

    tool: str
    found: Sequence[Adopted | Skipped]
    dry: bool

    @property
    def adopted(self) -> list[Adopted]:
        """The entries that are whorl's now, or would be."""
        return [item for item in self.found if isinstance(item, Adopted)]

    @property
    def skipped(self) -> list[Skipped]:
        """The entries that are not."""
        return [item for item in self.found if isinstance(item, Skipped)]


def draw_item(item: Adopted | Skipped, *, dry: bool, paint: Paint) -> str:
    """Draw what became of one entry."""
    if isinstance(item, Adopted):
        head, text = paint(f"{_verb(dry=dry):<11}", "green"), f"{item.slot.stage} {item.slot.key.short}"
    else:
        head, text = paint(f"{'skipped':<11}", "yellow"), item.reason
    label = item.label.encode("utf-8", "backslashreplace").decode("utf-8")  # a name of a file may be no text
    return f"{head} {label:<{_LABEL_WIDTH}}   {text}"


def word_imported(done: Imported) -> str:
    """Word how many entries were adopted, and how many were not."""
    size = "" if done.dry else f", {spell_size(sum(item.size for item in done.adopted))}"
    entries = count(len(done.adopted), "entry")
    return f"{_verb(dry=done.dry)} {entries} of {done.tool}{size} · skipped {len(done.skipped)}"


def _verb(*, dry: bool) -> str:
    return "would adopt" if dry else "adopted"


def imported_data(done: Imported) -> dict[str, object]:
    """Give the same for scripts."""
    return {
        "tool": done.tool,
        "dry_run": done.dry,
        "adopted": [
            {
                "entry": item.label,
                "stage": item.slot.stage,
                "namespace": item.slot.namespace,
                "key": item.slot.key.hex(),
                "size": item.size,
            }
            for item in done.adopted
        ],
        "skipped": [{"entry": item.label, "reason": item.reason} for item in done.skipped],
    }
