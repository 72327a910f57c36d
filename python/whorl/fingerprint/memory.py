"""
Fingerprints and described nodes, kept in this process while what they were made from still stands.

A second fingerprint of unchanged code is a comparison of identities; a first one of another stage finds the helpers
that both reach described already.  Everything is looked up without a lock and put in place under one.  On the arrow:
inside *fingerprint*.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from whorl.fingerprint.boundary import View
from whorl.fingerprint.watches import Watches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.fingerprint.code import Fingerprint
    from whorl.fingerprint.nodes import Key, Node

# Bounds of what is kept: nodes described, and nodes that remembered fingerprints have to compare.
_MAX_NODES = 400_000
# Up to here the conditions of all nodes are joined for speed; above, each node's own serve all fingerprints.
_MAX_JOINED = 2_000
_MAX_COMPARED = 2_000_000


class Remembered:
    """A fingerprint with all it was made from."""

    __slots__ = ("_watches", "nodes", "result", "root", "view")

    def __init__(self, root: object, result: Fingerprint, nodes: Mapping[Key, Node], view: View) -> None:
        self.root = root
        self.result = result
        self.nodes = nodes
        self.view = view
        watches = [node.watches for node in nodes.values() if node.watches]
        self._watches = [Watches.of_all(watches)] if len(watches) <= _MAX_JOINED else watches

    def holds(self) -> bool:
        """Tell whether everything it was made from is as it was."""
        if not self.view.is_current():
            return False
        return all(watches.hold() for watches in self._watches)


class Memory:
    """What one process remembers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._results: OrderedDict[tuple[int, ...], Remembered] = OrderedDict()
        self._compared = 0
        self._nodes: dict[Key, Node] = {}
        self._view: View | None = None

    def result(self, key: tuple[int, ...], root: object) -> Remembered | None:
        """Return what is remembered of a root, if it still holds."""
        known = self._results.get(key)
        return known if known is not None and known.root is root and known.holds() else None

    def nodes(self) -> tuple[View, Mapping[Key, Node]]:
        """Return the described nodes, and the view of owners they were described under; none if that has changed."""
        view = self._view
        if view is None or not view.is_current():
            with self._lock:
                view = self._view = View()
                self._nodes = {}
        return view, self._nodes

    def keep(self, key: tuple[int, ...], found: Remembered) -> None:
        """Remember a fingerprint and the nodes it is made of."""
        with self._lock:
            if found.view is self._view:
                if len(self._nodes) > _MAX_NODES:
                    self._nodes = {}
                self._nodes.update(found.nodes)
            self._compared += len(found.nodes) - self._size(self._results.pop(key, None))
            self._results[key] = found
            while self._compared > _MAX_COMPARED and len(self._results) > 1:
                self._compared -= self._size(self._results.popitem(last=False)[1])

    def forget(self) -> None:
        """Make everything anew from now on: what stands for a value has changed."""
        with self._lock:
            self._nodes = {}
            self._results.clear()
            self._compared = 0

    @staticmethod
    def _size(remembered: Remembered | None) -> int:
        return 0 if remembered is None else len(remembered.nodes)
