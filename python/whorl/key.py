"""
Components in, keys out.

A key is a pure function of its components: no clock, no environment, no file system.  Two calls with one key have
interchangeable results.  On the arrow: *derive*.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from whorl.digest import Encoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from whorl.digest import Digest

_NAME = attrgetter("name")


@dataclass(frozen=True, slots=True)
class Component:
    """One named part of a key: ``code``, ``raw/<name>``, ``upstream/<name>``, ``args/<name>``, ``version``."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class UpstreamKey:
    """What an upstream brings into a call key: its own call key, and the nonce of its last differing recomputation."""

    name: str
    key: Digest
    revision: str


def derive_common(components: Iterable[Component]) -> Digest:
    """Derive one digest of code, version, arguments, raw inputs and nested stages; the order given does not count."""
    encoder = Encoder("common")
    for component in sorted(components, key=_NAME):
        encoder.text(component.name).digest(component.digest)
    return encoder.finish()


def derive_call_key(stage: str, common: Digest, upstreams: Sequence[UpstreamKey]) -> Digest:
    """Derive the key of a call from what is known before anything is computed."""
    encoder = Encoder("call").text(stage).digest(common)
    for upstream in sorted(upstreams, key=_NAME):
        encoder.text(upstream.name).digest(upstream.key).text(upstream.revision)
    return encoder.finish()


def derive_content_key(common: Digest, upstreams: Iterable[Component]) -> Digest:
    """Derive the key that two calls share when their upstreams gave equal results; the stage's name is left out."""
    encoder = Encoder("content").digest(common)
    for upstream in sorted(upstreams, key=_NAME):
        encoder.text(upstream.name).digest(upstream.digest)
    return encoder.finish()
