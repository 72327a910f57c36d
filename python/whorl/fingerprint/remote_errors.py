"""
What a library raises about a remote object in, an error of whorl's own out, without the secrets of its URL.

Libraries put whole URLs, those of redirects included, into their messages; so the error raised here repeats their words
with secrets hidden, and does not carry the original along.  Beside the arrow: *digest files* raises from here.
"""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from whorl.errors import InputMissingError, InputUnreadableError, WhorlError
from whorl.fingerprint.urls import HTTP, hide_secrets, protocols

if TYPE_CHECKING:
    from collections.abc import Iterator

_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})
_CREDENTIALS = "check the credentials: the environment, the profile, or fsspec's configuration (docs: remote inputs)"
_ADDRESS = "check the address, and whether it can be reached from here"


@contextmanager
def worded(url: str) -> Iterator[None]:
    """Turn what goes wrong inside the block into InputMissingError or InputUnreadableError; whorl's errors pass."""
    try:
        yield
    except WhorlError:
        raise
    except Exception as error:  # noqa: BLE001 - each library has exceptions of its own
        raise _word(error, url) from None


def _word(error: Exception, url: str) -> WhorlError:
    shown, root = hide_secrets(url), _root(error, url)
    if isinstance(root, FileNotFoundError) or _status(root) in _GONE:
        return InputMissingError(f"{shown} is not there", _say(root), "check the URL")
    if isinstance(root, ImportError):
        return InputUnreadableError(f"{shown} cannot be read", "a library is missing", hide_secrets(str(root)))
    tip = _CREDENTIALS if _is_refusal(root) else _ADDRESS
    return InputUnreadableError(f"{shown} cannot be read", _say(root), tip)


def _root(error: Exception, url: str) -> BaseException:
    """Give what really happened: on the web, fsspec calls a refusal and a broken connection FileNotFoundError too."""
    told = error.__cause__
    is_disguised = isinstance(error, FileNotFoundError) and protocols(url)[0] in HTTP and told is not None
    return told if is_disguised and told is not None else error


def _status(error: BaseException) -> object:
    return getattr(error, "status", None)


def _is_refusal(error: BaseException) -> bool:
    return isinstance(error, PermissionError) or _status(error) in _REFUSED or "Credential" in type(error).__name__


def _say(error: BaseException) -> str:
    status = _status(error)
    if isinstance(status, int):
        return f"the server answered {status} {getattr(error, 'message', '')}".rstrip()
    words = hide_secrets(str(error))
    return words if isinstance(error, OSError) and words else f"{type(error).__name__}: {words}".removesuffix(": ")
