"""A URL in, its digests as a raw input out; what the tests of remote inputs share."""

from __future__ import annotations

from whorl.digest import Hasher
from whorl.fingerprint.inputs import RawInput, digest_input


def digest(url: str) -> str:
    """Digest a raw input as it is now."""
    return digest_input(RawInput(url)).digest.hex()


def content_digest(url: str) -> str:
    """Give what stands for the content of one object."""
    return digest_input(RawInput(url)).files[0].digest.hex()


def plain(data: bytes) -> str:
    """Digest bytes as a file of them."""
    return Hasher(data).hexdigest()
