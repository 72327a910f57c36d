"""
The URL of a root in, its objects out: the one place that knows which kind stands behind which scheme.

No client is made and no server asked here: the first request does that.  On the arrow: below *lookup* and *commit*.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module, util
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from whorl.errors import ConfigError
from whorl.fingerprint.urls import hide_secrets, is_url, protocols

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whorl.store.objects.base import Objects

    _Way = tuple[str, dict[str, Any], float]

# The module and class of a kind, the library that it needs, and the extra of whorl's that brings that along.
_S3 = ("s3", "S3Objects", "s3fs", "s3")
_GCS = ("gcs", "GcsObjects", "gcsfs", "gcs")
_AZURE = ("azure", "AzureObjects", "adlfs", "azure")
_SFTP = ("sftp", "SftpObjects", "paramiko", "sftp")
_WEB = ("web", "WebObjects", "", "")
_KINDS = {
    "s3": _S3,
    "s3a": _S3,
    "gs": _GCS,
    "gcs": _GCS,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
    "sftp": _SFTP,
    "ssh": _SFTP,
    "http": _WEB,
    "https": _WEB,
}
# How objects were opened, so that another process can: a lazy value goes to workers.
_ways: WeakKeyDictionary[Objects, _Way] = WeakKeyDictionary()
_reopened: dict[str, Objects] = {}
_KNOWN_TIP = "write s3://, gs://, az://, abfs://, sftp://, https://, a folder, or another protocol of fsspec's"


def open_objects(url: str, options: Mapping[str, Any], timeout: float) -> Objects:
    """
    Open the root behind a URL; ``options`` are those of its library, and every request ends within ``timeout`` seconds.

    Raises ConfigError for a URL that names no store, and where a library is missing.
    """
    opened = _open(url, options, timeout)
    _ways[opened] = (url, dict(options), timeout)
    return opened


@dataclass(frozen=True, slots=True)
class Reached:
    """Objects on their way to another process, which opens them again; the options go along, secrets included."""

    objects: Objects

    def __reduce__(self) -> tuple[Callable[..., Reached], _Way]:
        way = _ways.get(self.objects)
        if way is None:
            raise TypeError(f"{self.objects.url} is known to this process alone: it cannot be read in another")
        return _reach, way


def _reach(url: str, options: dict[str, Any], timeout: float) -> Reached:
    """Open a root that another process spoke of, once in this one."""
    known = repr((url, sorted(options.items()), timeout))
    if known not in _reopened:
        _reopened[known] = open_objects(url, options, timeout)
    return Reached(_reopened[known])


def _open(url: str, options: Mapping[str, Any], timeout: float) -> Objects:
    shown = hide_secrets(url)
    if not is_url(url):
        raise ConfigError(f"{shown} is no URL", tip=_KNOWN_TIP)
    if "::" in url:
        tip = "name the folder or the bucket itself"
        raise ConfigError(f"{shown} cannot be a store", "it is a store within another one", tip)
    protocol = protocols(url)[0]
    if protocol == "memory":
        from whorl.store.objects.memory import MemoryObjects

        return MemoryObjects(url)
    if protocol not in _KINDS:
        return _other(url, protocol, options, timeout)
    name, kind, library, extra = _KINDS[protocol]
    if library and util.find_spec(library) is None:
        raise ConfigError(f"{shown} needs {library}", "it is not installed", f'pip install "whorl[{extra}]"')
    make: Callable[..., Objects] = getattr(import_module(f"whorl.store.objects.{name}"), kind)
    return make(url, options, timeout)


def _other(url: str, protocol: str, options: Mapping[str, Any], timeout: float) -> Objects:
    """Open any other file system that fsspec knows and whose library is there."""
    import fsspec

    from whorl.store.objects.other import OtherObjects

    shown = hide_secrets(url)
    try:
        fsspec.get_filesystem_class(protocol)
    except ValueError:
        raise ConfigError(f"{shown} names no kind of store", f"{protocol!r} is not known", _KNOWN_TIP) from None
    except ImportError as error:
        raise ConfigError(f"{shown} needs a library", hide_secrets(str(error)), "install it") from None
    return OtherObjects(url, options, timeout)
