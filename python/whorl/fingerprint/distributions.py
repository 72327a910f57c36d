"""
A file below site-packages in, the distribution that installed it and how its version counts out.

Metadata folders are read as text (importlib.metadata costs more than a whole warm call).  A version counts by its first
two parts, unless the settings say ``exact``, ``ignore`` or ``follow``; an installation whose version does not move with
its content (from a folder, a repository, a URL, a ``.dev`` release) counts by its RECORD.  On the arrow: *fingerprint*.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from whorl.config import current_distributions
from whorl.digest import Encoder

if TYPE_CHECKING:
    from collections.abc import Mapping

_SITE_NAMES = ("site-packages", "dist-packages")
_METADATA_FOLDERS = (".dist-info", ".egg-info")

Policies = tuple[tuple[str, str], ...]
# When a folder or file was last changed, and which one it is: a link on the way may lead elsewhere now.
Stamp = tuple[int, int, int]
NO_STAMP: Stamp = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Distribution:
    """
    An installed distribution: its name, its exact version, and what of the version counts.

    ``version`` is what enters digests: two parts, all of them, nothing, or the digest of the RECORD.
    """

    name: str
    version: str
    exact: str


@dataclass(frozen=True, slots=True)
class _Metadata:
    folder: str
    name: str
    exact: str
    top: str
    listed: bytes

    def claims(self, top: str) -> bool:
        """Tell whether it installed a module or package of that name, or files below it."""
        if top == self.top:
            return True
        sought = top.encode(errors="surrogateescape")
        # Most texts do not have the name at all, and that is found out fastest.
        if sought not in self.listed:
            return False
        return re.search(rb'^"?%s(?:[/.,"\r]|$)' % re.escape(sought), self.listed, re.MULTILINE) is not None


def site_folder(path: str) -> str | None:
    """Return the site-packages folder that holds a path, or None."""
    parts = path.split(os.sep)
    for index in range(len(parts) - 1, 0, -1):
        if parts[index] in _SITE_NAMES:
            return os.sep.join(parts[: index + 1])
    return None


def find_distribution(path: str, site: str, policies: Policies) -> Distribution | None:
    """Return the distribution that owns a file below ``site``; None if no metadata claims it."""
    found = _find_metadata(path, site)
    if found is None:
        return None
    return Distribution(found.name, _counted_version(found, policy_of(found.name, policies)), found.exact)


def policies_in(distributions: Mapping[str, str]) -> Policies:
    """Return what the settings say of distributions, in an order of its own."""
    return tuple(sorted(distributions.items()))


@lru_cache(maxsize=1024)
def policy_of(name: str, policies: Policies) -> str:
    """Return how a distribution counts: ``minor``, ``exact``, ``ignore`` or ``follow``."""
    wanted = {_normal_name(key): policy for key, policy in policies}
    return wanted.get(_normal_name(name), wanted.get("*", "minor"))


def stamp_of(path: str) -> Stamp:
    """Return what changes with a folder or file, and with the links that lead to it; zeros where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return NO_STAMP
    return found.st_mtime_ns, found.st_dev, found.st_ino


def installed_version(name: str) -> str | None:
    """Return what counts of an installed distribution's version now, found by its name on ``sys.path``."""
    import sys

    wanted = _normal_name(name)
    for site in sys.path:
        metadata = _named(site, stamp_of(site)).get(wanted) if site else None
        if metadata is not None:
            return _counted_version(metadata, policy_of(name, policies_in(current_distributions())))
    return None


@lru_cache(maxsize=256)
def _named(site: str, stamp: Stamp) -> Mapping[str, _Metadata]:
    """Index what is installed in a folder by name, the first of each: a hit asks for several names."""
    return {_normal_name(metadata.name): metadata for metadata in reversed(_listing(site, stamp))}


def _find_metadata(path: str, site: str) -> _Metadata | None:
    inside = os.path.relpath(path, site).replace(os.sep, "/")
    top = inside.split("/")[0].split(".")[0]
    site_stamp = stamp_of(site)
    candidates = _claimants(site, site_stamp, top)
    if len(candidates) > 1:
        recorded = (metadata for metadata in candidates if inside in _recorded_files(metadata.folder, site_stamp))
        return next(recorded, candidates[0])
    return candidates[0] if candidates else None


@lru_cache(maxsize=1024)
def _claimants(site: str, stamp: Stamp, top: str) -> tuple[_Metadata, ...]:
    return tuple(metadata for metadata in _listing(site, stamp) if metadata.claims(top))


@lru_cache(maxsize=64)
def _listing(site: str, _stamp: Stamp) -> tuple[_Metadata, ...]:
    try:
        names = sorted(name for name in os.listdir(site) if name.endswith(_METADATA_FOLDERS))
    except OSError:
        return ()
    return tuple(_read_metadata(os.path.join(site, name)) for name in names)


def _read_metadata(folder: str) -> _Metadata:
    stem = os.path.basename(folder).rsplit(".", 1)[0]
    name, _, version = stem.partition("-")
    if not re.fullmatch(r"[0-9][^-]*", version):
        name, version = _read_header(folder, name, version)
    return _Metadata(folder, name.replace("_", "-").lower(), version, name.replace("-", "_"), _listed(folder))


def _read_header(folder: str, name: str, version: str) -> tuple[str, str]:
    for file in (os.path.join(folder, "METADATA"), os.path.join(folder, "PKG-INFO"), folder):
        header = _read_text(file).partition("\n\n")[0]
        found = dict(re.findall(r"^(Name|Version): *(.+?) *$", header, re.MULTILINE))
        if found:
            return found.get("Name", name), found.get("Version", version)
    return name, version


def _listed(folder: str) -> bytes:
    """Return the names at the top of what was installed, or all its files: a line each, as they were written."""
    words = _read_bytes(os.path.join(folder, "top_level.txt")).split()
    return b"\n".join(words) if words else _read_bytes(os.path.join(folder, "RECORD"))


@lru_cache(maxsize=1024)
def _recorded_files(folder: str, _stamp: Stamp) -> frozenset[str]:
    lines = _read_text(os.path.join(folder, "RECORD")).splitlines()
    return frozenset(line.split(",")[0].strip('"') for line in lines if not line.startswith(".."))


def _counted_version(metadata: _Metadata, policy: str) -> str:
    if policy == "ignore":
        return ""
    if not _version_moves(metadata):
        return _digest_record(metadata.folder, stamp_of(os.path.join(metadata.folder, "RECORD")))
    return metadata.exact if policy == "exact" else ".".join(metadata.exact.split(".")[:2])


def _version_moves(metadata: _Metadata) -> bool:
    origin = _read_text(os.path.join(metadata.folder, "direct_url.json"))
    if not origin:
        return ".dev" not in metadata.exact
    # An editable installation is followed by its files' own path; what is left here is its name.
    import json

    return bool(json.loads(origin).get("dir_info", {}).get("editable"))


@lru_cache(maxsize=256)
def _digest_record(folder: str, _stamp: Stamp) -> str:
    """Digest what was installed: files with their hashes, without scripts and metadata, which name this machine."""
    lines = _read_text(os.path.join(folder, "RECORD")).splitlines()
    kept = sorted(
        line for line in lines if "sha256=" in line and ".dist-info/" not in line and not line.startswith("..")
    )
    encoder = Encoder("distribution record")
    for line in kept:
        encoder.text(line)
    return encoder.finish().hex()


def _read_text(path: str) -> str:
    return _read_bytes(path).decode(errors="replace").replace("\r\n", "\n")


def _read_bytes(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError:
        return b""


@lru_cache(maxsize=2048)
def _normal_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
