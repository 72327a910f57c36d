"""
The law of every format, as a suite that each passes: what is decoded has the digest of what was encoded.

A value that a format does not hold is refused with words, never changed; which those are is written down per format,
so that none is lost or gained unnoticed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from contracts.alike import assert_alike
from contracts.payload import new_payload, through
from whorl.errors import FormatError
from whorl.fingerprint.values import hash_value
from whorl.formats.base import Format, format_named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class RoundTrips:
    """
    Laws for one format.

    ``values`` makes the values it is asked to hold; ``refused`` are the names of those that it must refuse.  A
    ``repeatable`` format writes equal bytes for one value each time.  ``suffix`` is given where it is
    not the name with a dot.
    """

    name: ClassVar[str]
    values: ClassVar[Callable[[], Mapping[str, object]]]
    refused: ClassVar[frozenset[str]] = frozenset()
    repeatable: ClassVar[bool] = True
    suffix: ClassVar[str] = ""

    @property
    def format(self) -> Format:
        return format_named(self.name)

    def test_it_is_exact_and_named_as_it_is_found(self) -> None:
        """The engine trusts ``exact`` and records the name."""
        found = self.format

        assert found.exact
        assert found.name == self.name
        assert found.suffix == (self.suffix or f".{self.name}")

    def test_every_value_comes_back_with_its_digest(self, tmp_path: Path) -> None:
        """``hash_value(decode(encode(value))) == hash_value(value)``, and no type, dtype, name or order differs."""
        kept = {name: value for name, value in type(self).values().items() if name not in self.refused}
        decoded = {name: through(self.name, value, tmp_path) for name, value in kept.items()}

        for name, value in kept.items():
            assert_alike(decoded[name], value, name)
            assert hash_value(decoded[name]) == hash_value(value), name

    def test_what_cannot_be_held_is_refused_and_the_value_is_left_alone(self, tmp_path: Path) -> None:
        """A refusal is a FormatError that says what would be lost; there is no other way not to hold a value."""
        asked = type(self).values()

        assert self.refused <= asked.keys()
        for name in self.refused:
            with pytest.raises(FormatError) as refusal:
                self.format.encode(asked[name], new_payload(tmp_path), {})
            assert f"the format {self.name} cannot hold" in refusal.value.message, name
            assert refusal.value.cause, name

    def test_encoding_twice_writes_the_same_bytes(self, tmp_path: Path) -> None:
        """Equal values make equal payloads, so that a kept entry can be recognised."""
        for name, value in type(self).values().items():
            if name in self.refused or not self.repeatable:
                continue
            first, second = new_payload(tmp_path), new_payload(tmp_path)
            self.format.encode(value, first, {})
            self.format.encode(value, second, {})

            assert {n: first.read(n) for n in first.names} == {n: second.read(n) for n in second.names}, name

    def test_an_unknown_option_is_refused_by_name(self, tmp_path: Path) -> None:
        """An option that is misspelled must not be ignored."""
        with pytest.raises(FormatError, match=f"the format {self.name} has no option 'compresion'"):
            self.format.encode(1, new_payload(tmp_path), {"compresion": "zstd"})


def refused_of(name: str, values: Mapping[str, object], folder: Path) -> list[str]:
    """Say which values a format refuses; every other has to come back as it was, with its digest."""
    refused = []
    for label, value in values.items():
        try:
            decoded = through(name, value, folder)
        except FormatError:
            refused.append(label)
            continue
        assert_alike(decoded, value, label)
        assert hash_value(decoded) == hash_value(value), label
    return refused
