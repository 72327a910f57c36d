"""
What is done to a store while its system calls fail, and what must be there afterwards.

Each ``Step`` prepares a store, does one thing to it, and knows every value that may be found then.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from store_examples import digest, manifest, slot, store_value, stored_value
from whorl.store.manifest import RawFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whorl.store.local import LocalStore

SMALL, BIG, OLD, OLDER = b"small", bytes(range(256)) * 256, b"old" * 20_000, b"older"
KEY, CODE, TREE = digest("revised"), digest("code"), b"tree" * 500
WIDE = tuple(RawFile("raw/data", f"{number}.csv", number, digest(str(number))) for number in range(1000))


@dataclass(frozen=True, slots=True)
class Step:
    """
    One change of a store.

    ``may_be`` has the values that each slot may hold afterwards, the one that the change is about last; ``is_done``
    tells whether it took place.
    """

    prepare: Callable[[LocalStore], object]
    act: Callable[[LocalStore], object]
    may_be: dict[str, tuple[bytes | None, ...]]
    is_done: Callable[[LocalStore], bool]


def _put(store: LocalStore, name: str, value: bytes, **fields: object) -> None:
    """Compute and store one value as the engine does: under its lease."""
    with store.lease(slot(name), timeout=10):
        store_value(store, slot(name), value, **fields)


def _nothing(store: LocalStore) -> None:
    """Leave the store as it is: there is none."""


def _two(store: LocalStore) -> None:
    _put(store, "other", OLD)


def _generations(store: LocalStore) -> None:
    _put(store, "one", OLDER)
    _put(store, "one", OLD)


def _keep(store: LocalStore) -> None:
    source = store.lookup(slot("source"))
    assert source is not None
    store.commit_kept(manifest(slot("one")), source)


def _shared(store: LocalStore) -> None:
    _put(store, "source", BIG)
    _keep(store)


def _holds(value: bytes | None, name: str = "one") -> Callable[[LocalStore], bool]:
    return lambda store: stored_value(store, slot(name)) == value


STEPS = {
    "the first entry": Step(_nothing, partial(_put, name="one", value=SMALL), {"one": (None, SMALL)}, _holds(SMALL)),
    "inline": Step(
        _two, partial(_put, name="one", value=SMALL), {"other": (OLD,), "one": (None, SMALL)}, _holds(SMALL)
    ),
    "file": Step(_two, partial(_put, name="one", value=BIG), {"other": (OLD,), "one": (None, BIG)}, _holds(BIG)),
    "side lists": Step(
        _two,
        partial(_put, name="one", value=SMALL, raw_files=WIDE),
        {"other": (OLD,), "one": (None, SMALL)},
        _holds(SMALL),
    ),
    "replaced": Step(_generations, partial(_put, name="one", value=BIG), {"one": (OLD, BIG)}, _holds(BIG)),
    "kept": Step(partial(_put, name="source", value=BIG), _keep, {"source": (BIG,), "one": (None, BIG)}, _holds(BIG)),
    "revised": Step(
        _two, lambda store: store.revise("default", [KEY]), {"other": (OLD,)},
        lambda store: store.revision("default", KEY) != "",
    ),
    "tree": Step(
        _two, lambda store: store.write_tree("default", CODE, TREE), {"other": (OLD,)},
        lambda store: store.read_tree("default", CODE) == TREE,
    ),
    "removed": Step(
        _generations, lambda store: store.remove(slot("one")), {"one": (OLD, OLDER, None)}, _holds(None)
    ),
    "one of two sharers removed": Step(
        _shared, lambda store: store.remove(slot("source")), {"one": (BIG,), "source": (BIG, None)},
        _holds(None, "source"),
    ),
}  # fmt: skip


def complaints(store: LocalStore, step: Step) -> list[str]:
    """Read everything that is there, and say what is not as it may be."""
    found = [complaint for name in step.may_be for complaint in _of_slot(store, name, step.may_be[name])]
    for entry in store.entries():
        store.reader(entry).read("value.bin")
        if len(entry.raw_files) not in (1, len(WIDE)):
            found.append("a side list is wrong")
        pointer = store.pointer(entry.slot.namespace, entry.content_key)
        if pointer is not None and pointer.slot not in map(slot, step.may_be):
            found.append("a pointer is wrong")
    if len(store.revision("default", KEY)) not in (0, 32):
        found.append("the revision is wrong")
    if store.read_tree("default", CODE) not in (None, TREE):
        found.append("the tree is wrong")
    return found + ([f"{store.damage_count} damaged entries"] if store.damage_count else [])


def _of_slot(store: LocalStore, name: str, values: tuple[bytes | None, ...]) -> Iterator[str]:
    value = stored_value(store, slot(name))
    if value not in values:
        yield f"{name} is {None if value is None else value[:9]!r}"
    for earlier in store.generations(slot(name)):
        if store.reader(earlier).read("value.bin") not in (OLD, OLDER, *values):
            yield f"a generation of {name} is wrong"
    if store.damaged(slot(name)):
        yield f"{name} counts as damaged"
