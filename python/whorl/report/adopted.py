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
    from collections.abc import Iterator, Sequence

    from whorl.report.marks import Paint

_WIDEST_LABEL = 48  # a longer one moves no other line


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


def draw_imported(done: Imported, *, paint: Paint) -> Iterator[str]:
    """Draw a line for each entry, and one that counts."""
    verb = "would adopt" if done.dry else "adopted"
    labels = [_shown(item.label) for item in done.found]
    width = min(max(map(len, labels), default=0), _WIDEST_LABEL)
    for item in sorted(done.found, key=lambda item: item.label):
        if isinstance(item, Adopted):
            head, text = paint(f"{verb:<11}", "green"), f"{item.slot.stage} {item.slot.key.short}"
        else:
            head, text = paint(f"{'skipped':<11}", "yellow"), item.reason
        yield f"{head} {_shown(item.label):<{width}}   {text}"
    entries = count(len(done.adopted), "entry")
    size = "" if done.dry else f", {spell_size(sum(item.size for item in done.adopted))}"
    yield f"{verb} {entries} of {done.tool}{size} · skipped {len(done.skipped)}"


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


def _shown(label: str) -> str:
    """Show a name of any file system, also one that is no text."""
    return label.encode("utf-8", "backslashreplace").decode("utf-8")
