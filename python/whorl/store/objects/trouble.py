"""
What a library raises about an object in, a ``StoreError`` out, without the secrets of URLs and options.

Libraries put whole URLs and sometimes credentials into their messages; so the error raised here repeats their words
with secrets hidden, and does not carry the original along.  Beside the arrow: every kind of object store raises from
here.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whorl.errors import StoreError, WhorlError
from whorl.fingerprint.urls import HIDDEN, hide_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECRET = re.compile(r"key|secret|token|passw|pwd|passphrase|cred|connection_string|auth|signature|sas", re.IGNORECASE)
_ACCOUNT_KEY = re.compile(r"(AccountKey|SharedAccessSignature)=[^;\s]+", re.IGNORECASE)
# Shorter ones would take letters out of every message, and are no secrets.
_SHORTEST = 4
_ADDRESS = "check the address, and whether it can be reached from here"
_CREDENTIALS = "check the credentials, and what they allow: reading, writing, listing and removing"
_UNAUTHORIZED = frozenset({401, 403, 407})


@dataclass(frozen=True, slots=True)
class Wording:
    """How one store's errors are told: its URL without secrets, and the secrets that its options hold."""

    url: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, url: str, options: Mapping[str, object]) -> Wording:
        """Note the secrets of a URL and of the options, longest first."""
        found = {text for text in (*_secrets(options), *_user_of(url)) if len(text) >= _SHORTEST}
        return cls(hide_secrets(url).rstrip("/"), tuple(sorted(found, key=len, reverse=True)))

    @contextmanager
    def worded(self, doing: str, name: str = "") -> Iterator[None]:
        """Turn what goes wrong inside the block into a ``StoreError``; whorl's own errors pass."""
        try:
            yield
        except WhorlError:
            raise
        except Exception as error:  # noqa: BLE001 - each library has exceptions of its own
            raise self.error(doing, name, error) from None

    def error(self, doing: str, name: str, error: BaseException) -> StoreError:
        """Word one error."""
        where = f"{self.url}/{name}" if name else self.url
        refused = isinstance(error, PermissionError) or _status(error) in _UNAUTHORIZED
        tip = _CREDENTIALS if refused or "Credential" in type(error).__name__ else _ADDRESS
        return StoreError(f"the store could not {doing} {where}", self.clean(_say(error)), tip)

    @contextmanager
    def writing(self, name: str, *, allowed: bool, doing: str = "write") -> Iterator[None]:
        """As ``worded``, for what changes something; refused at once where nothing may be changed."""
        if not allowed:
            raise self.read_only(name)
        with self.worded(doing, name):
            yield

    def read_only(self, name: str) -> StoreError:
        """Say that nothing can be written."""
        tip = 'choose another store, or mode = "read_only"'
        return StoreError(f"the store could not write {self.url}/{name}", "it is read-only", tip)

    def clean(self, text: str) -> str:
        """Take the secrets out of a text."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return _ACCOUNT_KEY.sub(rf"\1={HIDDEN}", hide_secrets(text))


def _secrets(options: Mapping[str, object], *, below: bool = False) -> Iterator[str]:
    """Yield the texts under secret names, and all those below such a name."""
    for name, value in options.items():
        is_secret = below or _SECRET.search(name) is not None
        if isinstance(value, dict):
            yield from _secrets(value, below=is_secret or name == "headers")
        elif is_secret and isinstance(value, str):
            yield value


def _user_of(url: str) -> tuple[str, ...]:
    """Give the user and password of a URL where they are secret: some libraries take them for a bucket's name."""
    user, separator, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
    return (user, *user.split(":")[1:]) if separator and hide_secrets(url) != url else ()


def _status(error: BaseException) -> object:
    return getattr(error, "status", None) or getattr(error, "status_code", None) or getattr(error, "code", None)


def _say(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "there was no answer in time"
    words = " ".join(str(error).split())
    return words if isinstance(error, OSError) and words else f"{type(error).__name__}: {words}".removesuffix(": ")
