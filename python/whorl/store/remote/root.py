"""
A remote root in, known to be a whorl store or none yet out; and the record that says so, written at the first write.

On the arrow: before *lookup* and *commit*.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from whorl.errors import StoreError
from whorl.store.places import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.store.objects.base import Capabilities, Objects
    from whorl.store.places import Places

ABOUT_LIMIT = 64 << 10


def check_root(objects: Objects, places: Places) -> Capabilities | None:
    """
    Return what the store behind a root guarantees, None where there is no store yet.

    That is what its kind promises, less what probing found missing.  ``StoreError`` where it is of another version.
    """
    content = objects.read(places.about, ABOUT_LIMIT)
    if content is None:
        return None
    try:
        about = json.loads(content.data)
        version, probed = about["format"], dict(about.get("capabilities", {}))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        tip = "if the store is yours, remove this object: it is written anew, and the entries stay"
        raise StoreError(f"the store's record {objects.url}/{places.about} is damaged", repr(error), tip) from error
    if version != VERSION:
        cause = f"it has format {version!r}, this whorl reads format {VERSION}"
        raise StoreError(f"the store {objects.url} was written by another version", cause, "upgrade whorl")
    return _less(objects.capabilities, probed)


def create_root(objects: Objects, places: Places, probed: Mapping[str, bool] | None = None) -> Capabilities:
    """Make a store where there is none; several processes may do so at once."""
    found = check_root(objects, places)
    if found is None:
        about = {"format": VERSION, "id": os.urandom(16).hex(), "capabilities": dict(probed or {})}
        objects.create(places.about, json.dumps(about, indent=2).encode() + b"\n")
        found = check_root(objects, places)
    if found is None:
        raise StoreError(f"the store {objects.url} cannot be made", "what was written cannot be read back")
    return found


def _less(kind: Capabilities, probed: Mapping[str, object]) -> Capabilities:
    names = ("creates_once", "replaces_once", "writes")
    missing = {name: False for name in names if probed.get(name) is False}
    return replace(kind, **missing)
