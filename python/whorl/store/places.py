"""
Slots, attempts and keys in, paths of a store out: the layout of store.md, in one place.

    WHORL.json  v1/<namespace>/m/<stage>/<key>           manifest: the only commit point
                v1/<namespace>/g/<stage>/<key>/<attempt> earlier generations
                v1/<namespace>/q/<stage>/<key>/<nonce>   damaged manifests, moved aside until the key is stored again
                v1/<namespace>/c/<kk>/<content key>      pointer
                v1/<namespace>/o/<kk>/<attempt>/…        payload, with refs/<key> markers and side/ lists
                v1/<namespace>/f/<code digest>           fingerprint tree
                v1/<namespace>/r/<key>                   ledger of revisions
                v1/<namespace>/l/<key>                   lease; <key>.w and <attempt>.w: short locks of writers
                v1/<namespace>/p/<name>                  pin
                v1/<namespace>/t/<day>/<attempt>         tombstone: the manifest that was removed
    tmp/        what is being written, named after its process
    used/       last uses, one file per machine (``used.py``)
    index/      what ``whorl ls`` knows, rebuilt when it is gone

On the arrow: *lookup* and *commit*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.store.names import REFS, folder_name

if TYPE_CHECKING:
    from whorl.digest import Digest
    from whorl.store.manifest import Slot

VERSION = 1


@dataclass(frozen=True, slots=True)
class Places:
    """
    The paths below one root, as text: a hit builds one, and ``Path`` costs ten times as much.

    ``root`` is the folder, or empty for the names of objects below a remote root.
    """

    root: str

    @property
    def about(self) -> str:
        """The file that says what this folder is."""
        return f"{self.root}/WHORL.json" if self.root else "WHORL.json"

    @property
    def entries(self) -> str:
        """The folder of all namespaces."""
        return f"{self.root}/v{VERSION}" if self.root else f"v{VERSION}"

    @property
    def temporary(self) -> str:
        """The folder of what is being written."""
        return f"{self.root}/tmp"  # noqa: S108 - below the store, 0700

    @property
    def index(self) -> str:
        """The folder of what listings know."""
        return f"{self.root}/index"

    def of(self, namespace: str, kind: str) -> str:
        """Return the folder of one kind of thing in a namespace."""
        return f"{self.entries}/{folder_name(namespace)}/{kind}"

    def manifest(self, slot: Slot) -> str:
        """Return the file of the current manifest."""
        return f"{self.of(slot.namespace, 'm')}/{folder_name(slot.stage)}/{slot.key.hex()}"

    def generations(self, slot: Slot) -> str:
        """Return the folder of earlier manifests."""
        return f"{self.of(slot.namespace, 'g')}/{folder_name(slot.stage)}/{slot.key.hex()}"

    def quarantine(self, slot: Slot) -> str:
        """Return the folder of damaged manifests."""
        return f"{self.of(slot.namespace, 'q')}/{folder_name(slot.stage)}/{slot.key.hex()}"

    def pointer(self, namespace: str, content_key: Digest) -> str:
        """Return the file of a content pointer."""
        name = content_key.hex()
        return f"{self.of(namespace, 'c')}/{name[:2]}/{name}"

    def payload(self, namespace: str, attempt: str) -> str:
        """Return the folder of a payload."""
        return f"{self.of(namespace, 'o')}/{attempt[:2]}/{attempt}"

    def markers(self, namespace: str, attempt: str) -> str:
        """Return the folder of markers that name the users of a payload."""
        return f"{self.payload(namespace, attempt)}/{REFS}"

    def tree(self, namespace: str, code: Digest) -> str:
        """Return the file of a fingerprint tree."""
        return f"{self.of(namespace, 'f')}/{code.hex()}"

    def lease(self, slot: Slot) -> str:
        """Return the file that is locked while a key is computed."""
        return f"{self.of(slot.namespace, 'l')}/{slot.key.hex()}"

    def writing(self, namespace: str, name: str) -> str:
        """Return the file that is locked while the manifests of a key, or the markers of an attempt, are changed."""
        return f"{self.of(namespace, 'l')}/{name}.w"

    def tombstone(self, namespace: str, day: str, attempt: str) -> str:
        """Return the file that a manifest becomes when it is removed."""
        return f"{self.of(namespace, 't')}/{day}/{attempt}"
