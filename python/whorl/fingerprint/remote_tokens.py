"""
What a store tells of an object in, one token out that changes whenever the content does, or none.

A token is taken only from stores whose documentation promises it, in a fixed order, so that a library that learns to
tell more changes no digest.  Dates and sizes alone are never enough, under whatever name they come.

- S3: the version (a bucket without versions says ``null``), else the entity tag.  That of an object uploaded in parts
  is no checksum of the content, and need not be.
- Google Cloud Storage: the MD5 of the content (objects that were composed have none), else the generation.
- Azure: the entity tag.  Its MD5 is what the uploader said and stays when blocks are appended.
- HTTP: ``Digest``, ``Content-MD5``, else a strong entity tag.
- git and GitHub: the name of the blob, which is a checksum.

Checksums of 32 bits (CRC) are not taken: objects that differ have the same one too easily.  On the arrow: part of
*digest files*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.digest import Encoder
from whorl.fingerprint.urls import HTTP, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.digest import Digest

# Keys of ``info()`` by protocol, strongest first, as s3fs 2026.9, gcsfs, adlfs and fsspec 2026.9 give them.
_VERSIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("s3", "s3a"), ("VersionId", "ETag")),
    **dict.fromkeys(("gs", "gcs"), ("md5Hash", "generation")),
    **dict.fromkeys(("abfs", "abfss", "az"), ("etag",)),
    **dict.fromkeys(("http", "https"), ("Digest", "Content-MD5", "ETag")),
    "github": ("sha",),
    "git": ("hex",),
}
_CHECKSUMS = frozenset({"md5Hash", "Digest", "Content-MD5", "sha", "hex"})
# Since 1995: from 30000000 on in hexadecimal, from 800000000 on in decimal.
_SECONDS = re.compile(r"[3-9a-f][0-9a-f]{7}|[89]\d{8}|\d{10}")
_LONGEST_SECONDS = 10
_NO_VERSION = frozenset({"", "null", "None"})
# RFC 3230 and IANA's registry, without the checksums of 32 bits and those of encoded content.
_DIGESTS = ("sha-512", "sha-256", "md5")
# What says that an object is no longer the one it was, and does so alike each time it is asked.
_STAMPS = (
    "size", "ETag", "etag", "VersionId", "version_id", "generation", "md5Hash", "Digest", "Content-MD5", "sha", "hex",
    "LastModified", "Last-Modified", "last_modified", "updated", "mtime", "modified", "modify", "modificationTime",
    "created", "CRC", "date_time",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """What stands for the content of an object: where it was found, what it says, and for which object it holds."""

    key: str
    text: str
    place: str

    def digest(self, size: int | None) -> Digest:
        """Digest the token and the size; never equal to a digest of content."""
        encoder = Encoder("remote token").text(self.key).text(self.text).text(self.place)
        return (encoder.none() if size is None else encoder.integer(size)).finish()


def find_token(info: Mapping[str, object], path: str, protocol: str) -> Token | None:
    """
    Find the strongest token in what a store tells of an object.

    A checksum holds wherever the object lies.  A version or an entity tag tells versions of one object apart and says
    nothing of another one, so it counts together with the object's place.
    """
    for key in _VERSIONS.get(protocol, ()):
        text = _read(key, info, protocol)
        if text is not None:
            return Token(key, text, "" if key in _CHECKSUMS else f"{protocol}:{place_of(path, protocol)}")
    return None


def stamp(info: Mapping[str, object]) -> dict[str, str]:
    """Give what has to be the same before and after an object is read."""
    return {key: str(info[key]) for key in _STAMPS if info.get(key) is not None}


def size_of(info: Mapping[str, object]) -> int | None:
    """Give the size; None where the store does not know it.  Servers that make an answer up say 0 before they do."""
    size = info.get("size")
    return int(size) if isinstance(size, (int, float)) and size else None


def _read(key: str, info: Mapping[str, object], protocol: str) -> str | None:
    value = info.get(key)
    if value is None or str(value) in _NO_VERSION:
        return None
    text = str(value)
    if key == "Digest":
        return _strongest_digest(text)
    if protocol in HTTP and key == "ETag" and (text.startswith("W/") or _is_date(text, size_of(info))):
        return None
    return text


def _strongest_digest(header: str) -> str | None:
    found = {name.lower(): value for name, value in re.findall(r"([\w-]+)=([^,\s]+)", header)}
    return next((f"{name}={found[name]}" for name in _DIGESTS if name in found), None)


def _is_date(tag: str, size: int | None) -> bool:
    """
    Tell whether an entity tag may be a date in whole seconds, as those of nginx are (with the size, in hexadecimal).

    Such a tag stays the same when a file is written twice within a second, whatever RFC 9110 says of strong ones.  It
    is told by its form, since not every release of fsspec passes the date on; a checksum of 32 bits looks alike and is
    no better.  Dates with microseconds (Apache), UUIDs and checksums are longer.
    """
    parts = set(re.split(r"[-:]", tag.strip('"').lower())) - {f"{size:x}" if size else "", str(size)}
    is_short = all(len(part) <= _LONGEST_SECONDS for part in parts)
    return not parts or (is_short and any(_SECONDS.fullmatch(part) for part in parts))
