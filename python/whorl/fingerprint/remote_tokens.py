"""
What a store tells of an object in, one token out that changes whenever the content does, or none.

A token is taken only from stores whose documentation promises it, in a fixed order, so that a library that learns to
tell more changes no digest.  Dates and sizes alone are never enough, under whatever name they come.

- S3: the version (a bucket without versions says ``null``), else the entity tag.  That of an object uploaded in parts
  is no checksum of the content, and need not be.
- Google Cloud Storage: the MD5 of the content (objects that were composed have none), else the generation.
- Azure: the entity tag.  Its MD5 is what the uploader said and stays when blocks are appended.
- HTTP: ``Digest``, ``Content-MD5``, else a strong entity tag that holds no date in whole seconds.
- git and GitHub: the name of the blob, which is a checksum.

Checksums of 32 bits (CRC) are not taken: objects that differ have the same one too easily.  On the arrow: part of
*digest files*.
"""

from __future__ import annotations

import re
import string
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
# MD5 and longer in hexadecimal, the same in base64 (with small and capital letters), and UUIDs.
_CHECKSUM = re.compile(
    r"(?<![0-9A-Za-z])("
    r"[0-9a-f]{32,}|[0-9A-F]{32,}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    r"|(?=[0-9A-Z+/]*[a-z])(?=[0-9a-z+/]*[A-Z])[0-9A-Za-z+/]{22,}={0,2}"
    r")(?![0-9A-Za-z])"
)
# As long as a number of 32 bits in decimal: what is no longer is a date, an inode, a counter or a short checksum.
_SHORT = 10
_DIGITS = string.digits + string.ascii_lowercase
_BASES = (10, 16, 36)
# Dates count from 1995 to 2106, in seconds and their thousandths, millionths, tenths of a millionth, billionths.
_EARLIEST, _LATEST = 800_000_000, 1 << 32
_UNITS = (1, 10**3, 10**6, 10**7, 10**9)
_CALENDAR = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])t?([01]\d|2[0-3])[0-5]\d[0-5]\d")
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
    if protocol in HTTP and key == "ETag" and not _is_strong(text, size_of(info)):
        return None
    return text


def _strongest_digest(header: str) -> str | None:
    found = {name.lower(): value for name, value in re.findall(r"([\w-]+)=([^,\s]+)", header)}
    return next((f"{name}={found[name]}" for name in _DIGESTS if name in found), None)


def _is_strong(tag: str, size: int | None) -> bool:
    """
    Tell whether an entity tag of a web server changes whenever the content does, as far as its form can tell.

    A date in whole seconds, with the size or without, stays the same when a file is written twice within a second,
    whatever RFC 9110 says of strong tags.  It is told by its form, since not every release of fsspec passes the date
    on.  Without the size nobody knows where a date in front of it would end: only a checksum counts then.
    """
    if tag[:2].upper() == "W/":
        return False
    rest, checksums = _CHECKSUM.subn("", tag.strip('"'))
    parts = set(re.split(r"[^0-9a-z]+", rest.lower())) - {_written(size or 0, base) for base in _BASES}
    is_long = size is not None and any(len(part) > _SHORT for part in parts)
    return bool(checksums or is_long) and not any(_holds_date(part, size) for part in parts)


def _holds_date(part: str, size: int | None) -> bool:
    """Whether a part of a tag is a date in whole seconds, alone or with the size behind it, in any of the bases."""
    return _CALENDAR.search(part) is not None or any(
        _is_date(_number(text, base))
        for base in _BASES
        for text in (part, part.removesuffix(_written(size or 0, base)))
    )


def _is_date(number: int) -> bool:
    return any(number % unit == 0 and _EARLIEST <= number // unit <= _LATEST for unit in _UNITS)


def _number(text: str, base: int) -> int:
    """Read a number; what is none is 0."""
    try:
        return int(text, base)
    except ValueError:
        return 0


def _written(number: int, base: int) -> str:
    """Write a number; 0 is the empty text."""
    digits = ""
    while number:
        number, digit = divmod(number, base)
        digits = _DIGITS[digit] + digits
    return digits
