"""
Settings in, the store that they name out: one folder, or the tiers local, root and mirrors.

A store is opened once per process, whichever mode uses it.  On the arrow: between the settings and *look up*.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whorl.config import default_local
from whorl.errors import ConfigError
from whorl.formats.base import runs_code
from whorl.modes import LOCAL, MIRRORS, MODES, ROOT
from whorl.settings import is_url
from whorl.store.local import LocalStore
from whorl.store.places import Places
from whorl.store.policy import Policy, Seal
from whorl.store.signing import ED25519, public_key, read_key
from whorl.store.tier import Tier
from whorl.store.tiers import TieredStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from whorl.errors import StoreError
    from whorl.settings import Settings
    from whorl.store.base import Store
    from whorl.store.objects.base import Objects
    from whorl.store.temporary import Temporary

TEAM = "team"

_stores: dict[tuple[object, ...], Store] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tier is: ``role`` is how modes call it, ``name`` how messages do."""

    name: str
    role: str
    url: str = field(repr=False)
    options: Mapping[str, object] = field(default_factory=dict, repr=False)


def open_store(settings: Settings, complain: Callable[[str, StoreError], None]) -> Store:
    """Open what the settings name; ``complain`` is told of failures of one tier among several."""
    if not (is_url(settings.filesystem) or settings.local or settings.mirrors):
        return open_place(settings, Place(ROOT, ROOT, settings.filesystem))
    mode = MODES[settings.mode]
    found = [place for place in places(settings) if place.role in {*mode.reads, *mode.writes}]
    known = ("tiers", settings.mode, settings.strict, *(_known(settings, place) for place in found))
    return _once(known, lambda: TieredStore([_tier(settings, place) for place in found], complain))


def places(settings: Settings) -> Iterator[Place]:
    """Yield where the tiers of these settings are, in the order in which they are searched."""
    root = settings.filesystem
    mode = MODES[settings.mode]
    if not is_url(root) and settings.local in ("", root):
        # One folder is both: what is near already needs no copy nearer by.
        yield Place(LOCAL, LOCAL, root)
    else:
        uses_local = LOCAL in {*mode.reads, *mode.writes} and ROOT not in mode.writes
        if local := settings.local or (default_local(settings) if uses_local else ""):
            yield Place(LOCAL, LOCAL, local)
        yield Place(ROOT, ROOT, root, settings.filesystem_options)
    for name, mirror in settings.mirrors.items():
        options: Any = mirror.get("filesystem_options", {})
        yield Place(name, MIRRORS, str(mirror["filesystem"]), options)


def open_place(settings: Settings, place: Place) -> Store:
    """Open one store."""
    return _once(_known(settings, place), partial(_open, settings, place))


def is_own(settings: Settings, place: Place) -> bool:
    """Whether nobody but this user can write to a store: a folder that is neither a mirror nor a team's."""
    return not is_url(place.url) and place.role != MIRRORS and settings.store_mode != TEAM


def policy_of(settings: Settings) -> Policy:
    """Read the keys that the settings name, and make the policy; ConfigError where one cannot be used."""
    return _policy(*_rules(settings))


def _rules(settings: Settings) -> tuple[str, bool, str, tuple[str, ...]]:
    return settings.pickle, settings.require_signature, settings.sign_with, settings.trusted_keys


@lru_cache(maxsize=16)
def _policy(pickle: str, require_signature: bool, sign_with: str, trusted: tuple[str, ...]) -> Policy:  # noqa: FBT001
    signer = read_key(sign_with) if sign_with else None
    if signer is not None and not signer.secret:
        raise ConfigError(f"sign_with cannot be {sign_with}", "it is a public key", "name the file of the private one")
    keys = [public_key(key, "trusted_keys") if key.startswith(f"{ED25519}:") else read_key(key) for key in trusted]
    return Policy(runs_code, pickle, require_signature, (*keys, *([signer] if signer else ())), signer)


def open_objects_at(settings: Settings, place: Place) -> Objects:
    """Reach the objects behind a URL."""
    from whorl.store.objects.opening import open_objects

    return open_objects(place.url, place.options, settings.network_timeout)


def open_folder(settings: Settings, place: Place) -> LocalStore:
    """Open a store in a folder: one's own, a team's, or a mirror, which may be anybody's."""
    return LocalStore(
        Path(place.url),
        durability=settings.durability,
        verify=settings.verify,
        wait_timeout=settings.wait_timeout,
        seal=_seal(settings, place),
        is_shared=settings.store_mode == TEAM and place.role != MIRRORS,
        is_mirror=place.role == MIRRORS,
    )


def _open(settings: Settings, place: Place) -> Store:
    if not is_url(place.url):
        return open_folder(settings, place)
    from whorl.store.remote.store import RemoteStore

    return RemoteStore(
        open_objects_at(settings, place),
        _temporary(settings),
        verify=settings.verify,
        wait_timeout=settings.wait_timeout,
        lease_ttl=settings.lease_ttl,
        seal=_seal(settings, place),
    )


def _seal(settings: Settings, place: Place) -> Seal:
    return Seal(policy_of(settings), is_own(settings, place))


def _temporary(settings: Settings) -> Temporary:
    """Give a place for payloads on their way: beside the local tier where there is one, else the system's."""
    from whorl.store.temporary import Temporary, system_folder

    folder = Places(settings.local).temporary if settings.local else system_folder()
    return Temporary(folder, lambda: None)


def _tier(settings: Settings, place: Place) -> Tier:
    mode = MODES[settings.mode]
    roles = {place.role} if place.role != LOCAL or is_url(settings.filesystem) or settings.local else {LOCAL, ROOT}
    is_remote = is_url(place.url)
    store = open_place(settings, place)
    reads, writes = bool(roles & {*mode.reads}), bool(roles & {*mode.writes})
    return Tier(place.name, shown(place.url), store, reads, writes, is_remote)


def shown(url: str) -> str:
    """Give a URL as messages show it, without passwords."""
    from whorl.fingerprint.urls import hide_secrets

    return hide_secrets(url) if is_url(url) else url


def _known(settings: Settings, place: Place) -> tuple[object, ...]:
    rules = (*_rules(settings), settings.store_mode)
    how = (settings.durability, settings.verify, settings.wait_timeout, settings.network_timeout, settings.lease_ttl)
    return (place.role, place.url, settings.local, repr(sorted(place.options.items())), *how, *rules)


def _once(known: tuple[object, ...], make: Callable[[], Store]) -> Store:
    store = _stores.get(known)
    if store is None:
        opened = make()
        with _lock:
            store = _stores.setdefault(known, opened)
    return store
