"""Slots and manifests that the tests of stores are made of."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from whorl.digest import Digest, Hasher
from whorl.key import Component
from whorl.store.manifest import Manifest, RawFile, Slot, Trace, TracedCall, TracedInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whorl.store.base import Store


def child_environment() -> dict[str, str]:
    """Give the environment for a Python process that imports this module."""
    folders = [os.path.dirname(__file__), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}


def digest(text: str) -> Digest:
    """Give the digest of a text."""
    return Digest(Hasher(text.encode()).digest())


def slot(name: str = "one", stage: str = "pipeline.clean", namespace: str = "default") -> Slot:
    """Give a slot of its own to each name."""
    return Slot(namespace, stage, digest(f"key {name}"))


def manifest(of: Slot | None = None, **fields: object) -> Manifest:
    """Give a manifest in which every field has something to lose."""
    call = TracedCall(
        "pipeline.raw",
        "default",
        "pipeline",
        "raw",
        digest("definition"),
        ("a",),
        digest("nested"),
        "r1",
        1.5,
    )
    trace = Trace((call,), (TracedInput("raw/ü.csv", "file", digest("input")),), (("pipeline:Model", digest("class")),))
    whole = Manifest(
        slot=of or slot(),
        attempt="a" * 32,
        payload="a" * 32,
        content_key=digest("content"),
        code=digest("code"),
        components=(Component("code", digest("code")), Component("args/x", digest("x"))),
        trace=trace,
        inherited=Trace(types=(("distribution/pandas", "2.2"),)),
        raw_files=(RawFile("raw/data", "2024.csv", 7, digest("raw")),),
        created=1700000000.25,
        computed=1700000000.0,
        own_expires=1800000000.0,
        expires=None,
        revisions=((digest("upstream"), "n1"),),
        format="json",
        format_options={"indent": 2},
        type="builtins.int",
        value_digest=digest("value"),
        behaviour=(("distribution/pandas", "2.2"), ("pipeline:Model", digest("class"))),
        files=(),
        inline={},
        seconds_computing=1.25,
        seconds_encoding=0.5,
        provenance={"python": "3.11.0", "distributions": {"pandas": "2.2.1"}},
        not_followed=("environment variable TZ (pipeline.py:31)",),
        arguments={"x": "1"},
    )
    return replace(whole, **fields)  # type: ignore[arg-type]


def store_value(store: Store, of: Slot, value: bytes, *, do_replace: bool = True, **fields: object) -> Manifest:
    """Commit one value of one file; the content key is that of the value unless given."""
    attempt = store.begin(of)
    fields.setdefault("value_digest", digest(value.hex()))
    try:
        attempt.write("value.bin", value)
        return store.commit(attempt, manifest(of, **fields), replace=lambda _: do_replace)
    finally:
        attempt.abandon()


def stored_value(store: Store, of: Slot) -> bytes | None:
    """Look a value up and read it."""
    found = store.lookup(of)
    return None if found is None else store.reader(found).read("value.bin")


def inline_files(files: Mapping[str, bytes]) -> dict[str, object]:
    """Give the fields of a manifest that holds these files inline."""
    from whorl.store.manifest import PayloadFile

    names = sorted(files)
    return {
        "files": tuple(PayloadFile(name, len(files[name]), Digest(Hasher(files[name]).digest())) for name in names),
        "inline": dict(files),
    }
