"""
What a library raises about a store in, a ``StoreError`` out, without the secrets of its URL.

Beside the arrow: every kind of objects raises from here.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from whorl.errors import StoreError
from whorl.fingerprint.urls import hide_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

_CREDENTIALS = "check the credentials: filesystem_options, the environment, or fsspec's configuration"
_ADDRESS = "check the address and the network; without one: WHORL_MODE=offline"


@contextmanager
def worded(doing: str, url: str, *secrets: str) -> Iterator[None]:
    """Turn what goes wrong inside the block into ``StoreError``; those of whorl's own pass."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - each library has exceptions of its own
        tip = _CREDENTIALS if _is_refusal(error) else _ADDRESS
        raise StoreError(f"the store could not {doing} {url}", _say(error, secrets), tip) from None


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, PermissionError) or "Credential" in type(error).__name__


def _say(error: Exception, secrets: tuple[str, ...]) -> str:
    words = hide_secrets(str(error))
    for secret in filter(None, secrets):
        words = words.replace(secret, "***")
    return words if isinstance(error, OSError) and words else f"{type(error).__name__}: {words}".removesuffix(": ")
