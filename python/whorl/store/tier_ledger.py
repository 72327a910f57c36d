"""
The ledgers of several tiers in, one ledger out: the root's counts, and what was made where the root is not written.

A revision that the local tier alone was given says over which one of the root it was made.  It counts, where the root
is not written, until the root has another: nobody is served what was before his own recomputation.  On the arrow: part
of *derive* and of *commit*, where more than one store is configured.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from whorl.digest import Hasher
from whorl.errors import StoreError
from whorl.modes import LOCAL, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Protocol

    from whorl.digest import Digest
    from whorl.store.base import Store
    from whorl.store.tier import Tier

    T = TypeVar("T")

    class Attempts(Protocol):
        """Does something with a tier, or complains and gives the alternative."""

        def __call__(self, tier: Tier, action: Callable[[Store], T], otherwise: T) -> T:
            """Give what came of it."""
            ...


# Half of a revision is chance, half is a digest of that and of what it was made over.
_HALF = 16


@dataclass(frozen=True, slots=True)
class TierLedger:
    """The revisions of all tiers; ``attempt`` asks one that may fail."""

    tiers: Sequence[Tier]
    attempt: Attempts

    def revision(self, namespace: str, key: Digest) -> str:
        """Return a key's revision: the root's if it has one, else that of the next tier which has."""
        for tier in sorted(self.tiers, key=lambda tier: tier.name != ROOT):
            found = self.attempt(tier, lambda store: store.revision(namespace, key), "")
            if found:
                own = self._own(namespace, key, found) if tier.name == ROOT else ""
                if own and not tier.writes:
                    return own
                if not own:
                    self._note(tier, namespace, key, found)
                return found
        return ""

    def is_ahead(self, namespace: str, key: Digest) -> bool:
        """Whether the local tier has a result that was computed anew over the root's: no copy takes its place."""
        roots = self._revision_in(ROOT, namespace, key)
        return bool(roots and self._own(namespace, key, roots))

    def revise(self, namespace: str, keys: Iterable[Digest], written: Sequence[Tier]) -> Mapping[Digest, str]:
        """Give keys new revisions in the first of the tiers that are written, noted in the others."""
        wanted, given = list(keys), None
        root = self._tier(ROOT)
        for tier in written:
            if given is not None:
                known = {key.hex(): nonce for key, nonce in given.items()}
                self.attempt(tier, lambda store, known=known: store.write_revisions(namespace, known), None)  # type: ignore[misc]
            elif root is None or tier is root:
                given = self.attempt(tier, lambda store: store.revise(namespace, wanted), None)
            else:
                given = self._revise_over(root, tier, namespace, wanted)
        if given is None:
            raise StoreError("no store took the new revisions")
        return given

    def _revise_over(self, root: Tier, tier: Tier, namespace: str, keys: Sequence[Digest]) -> dict[Digest, str] | None:
        """Give keys new revisions in another tier than the root, over those that the root has."""
        nothing: Mapping[str, str] = {}
        known = self.attempt(root, lambda store: store.revisions(namespace), nothing)
        given = {key: _made_over(os.urandom(_HALF // 2).hex(), known.get(key.hex(), "")) for key in keys}
        written = {key.hex(): nonce for key, nonce in given.items()}

        def write(store: Store) -> dict[Digest, str]:
            store.write_revisions(namespace, written)
            return given

        return self.attempt(tier, write, None)

    def revisions(self, namespace: str) -> Mapping[str, str]:
        """Return all revisions of a namespace, those of the root before the others'."""
        found: dict[str, str] = {}
        nothing: Mapping[str, str] = {}
        for tier in sorted(self.tiers, key=lambda tier: tier.name == ROOT):
            found.update(self.attempt(tier, lambda store: store.revisions(namespace), nothing))
        return found

    def _own(self, namespace: str, key: Digest, roots: str) -> str:
        """Return the local tier's revision of a key, if it was made over that of the root."""
        own = self._revision_in(LOCAL, namespace, key)
        return own if own and own == _made_over(own[:_HALF], roots) else ""

    def _note(self, tier: Tier, namespace: str, key: Digest, revision: str) -> None:
        """Note a revision in the local tier, for the time when there is no network."""
        local = self._tier(LOCAL)

        def note(store: Store) -> None:
            if store.revision(namespace, key) != revision:
                store.write_revisions(namespace, {key.hex(): revision})

        if local is not None and local.writes and tier is not local:
            self.attempt(local, note, None)

    def _tier(self, name: str) -> Tier | None:
        return next((tier for tier in self.tiers if tier.name == name), None)

    def _revision_in(self, name: str, namespace: str, key: Digest) -> str:
        tier = self._tier(name)
        return "" if tier is None else self.attempt(tier, lambda store: store.revision(namespace, key), "")


def _made_over(chance: str, revision: str) -> str:
    """Make a revision of its first half and what it was made over."""
    return chance + Hasher(f"{chance} {revision}".encode()).hexdigest()[:_HALF]
