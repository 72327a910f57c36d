"""
Key files and digests of manifests in, signatures out; and whether a signature is one of a key that is trusted.

Two schemes: ``ed25519``, with a private key for who signs and a public one for all others, and ``hmac-sha256``, with
one secret that a whole team has.  What is signed is the digest of a manifest's bytes, after the name of the scheme, so
that no signature can be taken for one of something else.  A file with a secret in it must be for its owner alone.  On
the arrow: *commit* signs, *lookup* and *decode* check.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from whorl.errors import ConfigError, StoreError
from whorl.store.disk import digest_bytes, read_exactly, write_file
from whorl.store.manifest import Signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from whorl.digest import Digest

ED25519, HMAC = "ed25519", "hmac-sha256"
_PRIVATE, _SECRET = "whorl-private-key", "whorl-shared-secret"
_DOMAIN = "whorl manifest, signed by "
_SECRET_SIZE = 32
_FILE_LIMIT = 4096
_CHECKED_NUMBER = 4096


@dataclass(frozen=True, slots=True)
class Key:
    """
    What checks signatures, and makes them where ``secret`` is there.

    ``public`` is what others may know of an ed25519 key; a key for HMAC has none.  A ``repr`` shows no secret.
    """

    scheme: str
    id: str
    public: bytes = b""
    secret: bytes = field(default=b"", repr=False)

    @property
    def text(self) -> str:
        """The public key as it stands in a configuration."""
        return f"{ED25519}:{self.public.hex()}"

    def sign(self, of: Digest) -> Signature:
        """Sign the digest of a manifest's bytes."""
        if not self.secret:
            raise StoreError(
                f"the key {self.id[:12]} cannot sign", "it is a public key", "sign_with names a private key"
            )
        make = _ed25519_sign if self.scheme == ED25519 else _hmac_sign
        return Signature(self.scheme, self.id, make(self.secret, _message(self.scheme, of)), of)

    def checks(self, signature: Signature) -> bool:
        """Whether a signature was made with this key over what it says."""
        return (signature.scheme, signature.signer) == (self.scheme, self.id) and _is_right(self, signature)


def new_key(scheme: str) -> Key:
    """Make a key."""
    return _of_secret(scheme, os.urandom(_SECRET_SIZE))


def write_key(key: Key, path: str) -> None:
    """Write a key's secret to a new file for its owner alone; ``StoreError`` where there is a file."""
    word = _PRIVATE if key.scheme == ED25519 else _SECRET
    write_file(path, f"{word} {key.scheme} {key.secret.hex()}\n".encode())


def read_key(path: str) -> Key:
    """Read a file that ``write_key`` wrote, or one with a public key in it; ConfigError where it is neither."""
    try:
        size = os.stat(path).st_size
        if size > _FILE_LIMIT:
            raise _no_key(path, "it is too large")
        text = read_exactly(os.path.realpath(path), size).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _no_key(path, getattr(error, "strerror", None) or "it is no text") from None
    if text.startswith(f"{ED25519}:"):
        return public_key(text, path)
    word, _, rest = text.partition(" ")
    scheme, _, digits = rest.partition(" ")
    if (word, scheme) not in ((_PRIVATE, ED25519), (_SECRET, HMAC)):
        raise _no_key(path, "it does not begin as a key does")
    _check_mode(path)
    return _of_secret(scheme, _bytes(digits, path))


def public_key(text: str, origin: str) -> Key:
    """Read a public key as it stands in a configuration; ConfigError where it is none."""
    scheme, _, digits = text.partition(":")
    if scheme != ED25519:
        raise _no_key(origin, f"a public key begins with {ED25519}:")
    public = _bytes(digits, origin)
    return Key(ED25519, _id_of(ED25519, public), public)


def _of_secret(scheme: str, secret: bytes) -> Key:
    if scheme == ED25519:
        public = _public_of(secret)
        return Key(ED25519, _id_of(ED25519, public), public, secret)
    return Key(HMAC, _id_of(HMAC, secret), b"", secret)


def _id_of(scheme: str, known: bytes) -> str:
    """Name a key by a digest, of which nothing can be learned about a secret of 32 random bytes."""
    return digest_bytes(f"whorl key {scheme} ".encode() + known).hex()[:32]


def _bytes(digits: str, origin: str) -> bytes:
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        found = b""
    if len(found) != _SECRET_SIZE:
        raise _no_key(origin, f"a key has {2 * _SECRET_SIZE} hexadecimal digits")
    return found


def _no_key(path: str, cause: str) -> ConfigError:
    return ConfigError(f"{path} is no key that whorl knows", cause, "make one: whorl keygen PATH")


def _check_mode(path: str) -> None:
    """Refuse a secret that others may read or replace."""
    if os.name != "posix":
        return
    status = os.stat(path)
    if stat.S_IMODE(status.st_mode) & 0o077:
        cause = f"its mode is {stat.S_IMODE(status.st_mode):04o}: others may read or write it"
        raise ConfigError(
            f"the key {path} is not secret", cause, f"chmod 600 {path}; if others have read it, make another"
        )
    if status.st_uid not in (os.geteuid(), 0):
        raise ConfigError(f"the key {path} is someone else's", f"it is owned by user {status.st_uid}")


def _message(scheme: str, of: Digest) -> bytes:
    return f"{_DOMAIN}{scheme}\n{of.hex()}".encode()


@lru_cache(maxsize=_CHECKED_NUMBER)
def _is_right(key: Key, signature: Signature) -> bool:
    message = _message(key.scheme, signature.of)
    if key.scheme == HMAC:
        import hmac

        return hmac.compare_digest(_hmac_sign(key.secret, message), signature.value)
    return _ed25519_agrees(key.public, message, signature.value)


def _hmac_sign(secret: bytes, message: bytes) -> bytes:
    import hmac

    return hmac.digest(secret, message, "sha256")


def _ed25519_sign(secret: bytes, message: bytes) -> bytes:
    return _private(secret).sign(message)


def _public_of(secret: bytes) -> bytes:
    return _private(secret).public_key().public_bytes_raw()


def _private(secret: bytes) -> Ed25519PrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ModuleNotFoundError as error:
        raise _no_library() from error
    return Ed25519PrivateKey.from_private_bytes(secret)


def _ed25519_agrees(public: bytes, message: bytes, value: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ModuleNotFoundError as error:
        raise _no_library() from error
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(value, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _no_library() -> ConfigError:
    return ConfigError(
        "signatures by ed25519 need the package cryptography",
        "it is not installed",
        'pip install "whorl[sign]", or use one secret for the whole team: whorl keygen --hmac PATH',
    )
