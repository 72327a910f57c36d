"""The formats of builtin values and arrays against the suite that every format passes."""

from __future__ import annotations

from contracts.round_trips import RoundTrips
from contracts.values import arrays, other_values, plain_values, refused_arrays


class TestJson(RoundTrips):
    """The default of builtin values."""

    name = "json"
    values = staticmethod(lambda: plain_values() | other_values())
    refused = frozenset(other_values())


class TestPickle(RoundTrips):
    """What takes all of them."""

    name = "pickle"
    values = staticmethod(lambda: plain_values() | arrays() | _pickled())
    refused = frozenset({"a zone without a key", "matrix subclass"})
    repeatable = False  # what happens to be shared is pickled as shared


class TestNpy(RoundTrips):
    """The default of arrays."""

    name = "npy"
    values = staticmethod(lambda: arrays() | refused_arrays() | {"a list": [1]})
    refused = frozenset({*refused_arrays(), "a list"})


def _pickled() -> dict[str, object]:
    more = other_values() | refused_arrays()
    del more["variable text"]  # has no digest
    return more
