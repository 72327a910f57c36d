"""
Settings in, how each store that they name is doing out; and a new store made, probed before it is shared.

Beside the arrow: what ``whorl doctor`` and ``whorl init`` show.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whorl.errors import StoreError
from whorl.modes import ROOT
from whorl.opening import Place, open_folder, open_objects_at, places, shown
from whorl.settings import is_url
from whorl.store.objects.base import Capabilities
from whorl.store.places import Places
from whorl.store.probe import probe
from whorl.store.remote.root import check_root, create_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whorl.settings import Settings

# What each kind was held against.  Emulators that ignore conditions and fakes of our own are no servers.
_TESTED: Mapping[str, str] = {
    "s3": "tested against moto and Ceph; Amazon's own service untested",
    "sftp": "tested against OpenSSH",
    "ssh": "tested against OpenSSH",
    "http": "tested against a plain web server",
    "https": "tested against a plain web server without TLS",
    "memory": "tested; it ends with this process",
}
_UNTESTED = "untested against a server"


@dataclass(frozen=True, slots=True)
class TierState:
    """
    One store: ``state`` is ``ready``, ``not there yet`` or ``failing`` with the ``trouble``.

    ``seconds`` is how long one small request took, ``tested`` what this kind of store was held against.
    """

    name: str
    url: str
    state: str
    capabilities: Capabilities | None = None
    seconds: float | None = None
    trouble: str = ""
    tip: str = ""
    tested: str = ""


def examine(settings: Settings) -> Iterator[TierState]:
    """Look at every store that the settings name, whatever the mode."""
    for place in places(replace(settings, mode="read_only")):
        state = TierState(place.name, shown(place.url), "", tested=_tested(place.url))
        started = time.perf_counter()
        try:
            found = _capabilities(settings, place)
        except StoreError as error:
            yield replace(state, state="failing", trouble=f"{error.message}: {error.cause}", tip=error.tip)
        else:
            seconds = time.perf_counter() - started
            yield replace(state, state="ready" if found else "not there yet", capabilities=found, seconds=seconds)


def make_store(settings: Settings, location: str) -> TierState:
    """Make a store, or look at the one that is there; what a new one guarantees is tried and recorded."""
    place = Place(ROOT, ROOT, location if is_url(location) else os.path.abspath(location), settings.filesystem_options)
    state = TierState(place.name, shown(place.url), "ready", tested=_tested(place.url))
    if not is_url(location):
        open_folder(settings, place).make()
        return replace(state, capabilities=_folder_capabilities())
    objects = open_objects_at(settings, place)
    found = check_root(objects, Places(""))
    if found is None:
        found = create_root(objects, Places(""), probe(objects).to_json())
    return replace(state, capabilities=found)


def _capabilities(settings: Settings, place: Place) -> Capabilities | None:
    if is_url(place.url):
        return check_root(open_objects_at(settings, place), Places(""))
    return _folder_capabilities() if open_folder(settings, place).is_there() else None


def _folder_capabilities() -> Capabilities:
    """Links make creating safe, locks of the system replacing."""
    return Capabilities(creates_once=True, replaces_once=True)


def _tested(url: str) -> str:
    scheme = url.partition("://")[0].lower() if is_url(url) else ""
    return _TESTED.get(scheme, _UNTESTED) if scheme else "tested"
