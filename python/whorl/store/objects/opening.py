"""
A URL in, the objects behind it out: which kind of store it is, and what this machine needs to reach it.

On the arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from whorl.errors import ConfigError
from whorl.fingerprint.urls import hide_secrets
from whorl.store.objects.memory import MemoryObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whorl.store.objects.base import Objects

# Scheme, module, class, and the extra that brings the library it needs.
_KINDS: Mapping[str, tuple[str, str, str]] = {
    "s3": ("s3", "S3Objects", "s3"),
    "s3a": ("s3", "S3Objects", "s3"),
}


def open_objects(url: str, options: Mapping[str, object], timeout: float) -> Objects:
    """
    Reach the objects below a URL; ``timeout`` is how long one request may take, in seconds.

    ``ConfigError`` where no kind of store is known for it, or its library is missing.
    """
    shown, scheme = hide_secrets(url), url.partition("://")[0].lower()
    if "::" in url:
        raise ConfigError(f"a store cannot be at {shown}", "chained URLs are for inputs", "name a bucket or a folder")
    if scheme == "memory":
        return MemoryObjects(url)
    if scheme not in _KINDS:
        known = ", ".join(f"{name}://" for name in ("memory", *_KINDS))
        raise ConfigError(
            f"a store cannot be at {shown}", f"no kind of store is known for {scheme}://", f"known: {known}"
        )
    module, name, extra = _KINDS[scheme]
    try:
        kind = getattr(import_module(f"whorl.store.objects.{module}"), name)
        return cast("Callable[..., Objects]", kind)(url, options, timeout)
    except ImportError as error:
        raise ConfigError(f"{shown} cannot be reached", str(error), f'pip install "whorl[{extra}]"') from error
