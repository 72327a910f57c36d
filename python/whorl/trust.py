"""
A stored entry and where it lies in, whether it may be decoded or stored there out.

Decoding a pickle runs code of whoever wrote it.  So by default a pickle is decoded only from a store of this machine's
user, and none is written to one that others can write.  Formats say of themselves whether decoding runs code.  On the
arrow: before *decode*, and before *commit*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.errors import FormatError, SignatureError
from whorl.formats.base import format_named

if TYPE_CHECKING:
    from whorl.store.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Trust:
    """What the setting ``pickle`` allows."""

    policy: str

    def allows(self, manifest: Manifest, *, is_own: bool) -> bool:
        """Whether an entry may be decoded from, or written to, a store that is this user's alone, or is not."""
        return self.policy == "any" or not runs_code(manifest) or (is_own and self.policy == "local")


CAUTIOUS = Trust("local")


def runs_code(manifest: Manifest) -> bool:
    """Whether decoding an entry runs code that it brings; of a format that is not known, that is assumed."""
    try:
        return bool(getattr(format_named(manifest.format), "runs_code", False))
    except FormatError:
        return True


def refusal(manifest: Manifest, url: str) -> SignatureError:
    """Word that an entry is not decoded from, or not written to, a store."""
    return SignatureError(
        f"a result of {manifest.slot.stage} is a {manifest.format}, which is neither written to nor decoded from {url}",
        "decoding it runs code of whoever can write there",
        'return a type with a safe format (a frame, an array, plain data), or trust everyone there: pickle = "any"',
    )
