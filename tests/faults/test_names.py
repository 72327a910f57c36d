"""Names that file systems, terminals and encodings dislike: whatever a user calls something, it comes back."""

from __future__ import annotations

import os
import random
import unicodedata
import warnings
from typing import TYPE_CHECKING

import pytest

import whorl
from fault_recorder import number
from store_examples import slot, store_value, stored_value
from whorl import File, Folder, stage
from whorl.store.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fault_recorder import Recorder

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

FAULT = "names: round trip"
RESERVED = ("CON", "con", "Con.txt", "aux", "AUX", "nul", "prn", "com1", "COM1.log", "lpt9", "WHORL.json", "tmp", "v1")
DOTTED = (
    ".",
    "..",
    "...",
    "a.",
    "a..",
    "a ",
    " a",
    ".hidden",
    "-rf",
    "~",
    "~root",
    "a~b",
    "_",
    "__init__",
    "$HOME",
    "%PATH%",
)
CASES = ("clean", "Clean", "CLEAN", "cLEAN", "stra\u00dfe", "STRASSE", "\u0130", "i", "I", "\u0131")
UNICODE = (
    "\u00e9", "e\u0301", "\u65e5\u672c\u8a9e", "\U0001f300", "\u202eabc", "\ufeff", "\u200b", "\u0000", "a\u0000b",
    "\udc80", "\ud800", "\x7f", "\x1b[31m", "\uffff", "\u2028", "\u0085",
)  # fmt: skip
BREAKS = ("a\nb", "\n", "\r\n", "a\tb", "a/b", "/a", "../../a", "a\\b", "C:\\a", "a:b", "a|b?*<>\"'", "m/g/o", "%2e%2e")
LONG = ("x" * 99, "x" * 100, "x" * 101, "X" * 100, "\u00e9" * 300, "y" * 1000)
NAMES = (*RESERVED, *DOTTED, *CASES, *UNICODE, *BREAKS, *LONG)


def names() -> list[str]:
    """Give the names above and, in full, some made up of the same characters; no two are the same."""
    chance = random.Random(5)
    characters = sorted({character for name in NAMES for character in name})
    made = ("".join(chance.choices(characters, k=chance.randint(1, 12))) for _ in range(number(100, 0)))
    return list(dict.fromkeys((*NAMES, *made)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    """Give the store that is in use."""
    with whorl.options(filesystem=str(tmp_path / "store"), strict=True):
        yield LocalStore(tmp_path / "store")


def echo(argument: object) -> object:
    return argument


@stage(cache=True)
def echoed(argument: object) -> object:
    return argument


@stage(path=File("unused"), cache=True)
def content(path: Path) -> bytes:
    return path.read_bytes()


@stage(folder=Folder("unused"), cache=True)
def contents(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.iterdir())


def asked(action: object, argument: object) -> tuple[object, str]:
    """Call a stage; give its value and how it was answered."""
    with whorl.observe() as outcomes:
        value = action(argument)  # type: ignore[operator]
    return value, outcomes[-1].kind


@pytest.mark.parametrize("role", ["stage", "namespace"])
def test_each_name_of_a_stage_or_namespace_has_a_place_of_its_own(
    store: LocalStore, recorder: Recorder, role: str
) -> None:
    """Under one key, so that nothing but the name tells them apart, also where case does not."""
    slots = [slot(**{role: name}) for name in names()]
    for at, of in enumerate(slots):
        store_value(store, of, b"%d" % at)
    for at, of in enumerate(slots):
        found = stored_value(store, of), store.remove(of), store.lookup(of)
        store_value(store, of, b"%d" % at)
        recorder.note(FAULT, role, "correct" if found == (b"%d" % at, True, None) else "wrong", (of, found))
    folders = os.listdir(store.root / "v1")
    folders += [name for space in folders for name in os.listdir(store.root / "v1" / space / "m")]
    listed = {getattr(entry.slot, role) for entry in store.entries()}

    assert recorder.wrong == []
    assert listed == set(names())
    assert set(store.stages() if role == "stage" else store.namespaces()) == set(names())
    assert all(unicodedata.is_normalized("NFC", name) and name.isascii() and len(name) <= 100 for name in folders)
    assert len({name.casefold() for name in folders}) == len(set(folders))


def test_a_stage_of_any_name_in_any_namespace_is_stored_and_found(store: LocalStore, recorder: Recorder) -> None:
    """Through the whole of whorl, with its listing."""
    for name in names():
        namespace = name[:200][::-1]  # both have to fit into a hit record
        made = stage(cache=True, name=name, namespace=namespace)(echo)
        first, second = asked(made, name), asked(made, name)
        is_right = first[0] == second[0] == name and first[1] in ("ran", "kept") and second[1] == "hit"
        is_listed = [entry.slot.stage for entry in store.entries(namespace, name)] == [name]
        recorder.note(
            FAULT, "stages", "correct" if is_right and is_listed else "wrong", (name, first, second, is_listed)
        )

    assert recorder.wrong == []


def test_any_text_is_an_argument_of_its_own(store: LocalStore, recorder: Recorder) -> None:
    """As a value, as a key of a dict, and ten thousand characters long, with reprs of arguments kept."""
    texts = [*names(), *(name * (10_000 // len(name)) for name in NAMES)]
    with whorl.options(store_args=True):
        for text in dict.fromkeys(texts):
            for argument in (text, {text: [text]}):
                first, second = asked(echoed, argument), asked(echoed, argument)
                is_right = (first, second) == ((argument, "ran"), (argument, "hit"))
                recorder.note(FAULT, "arguments", "correct" if is_right else "wrong", (argument, first, second))

    assert recorder.wrong == []


def test_a_raw_input_may_be_called_anything(store: LocalStore, tmp_path: Path, recorder: Recorder) -> None:
    """Its content is read, and a change of it seen, whatever the file system lets it be called."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for at, name in enumerate(names()):
        path = folder / name
        try:
            path.write_bytes(b"%d" % at)
        except (OSError, ValueError):  # a slash, a zero byte, too long, no text: there is no such file
            continue
        if path.parent != folder or not path.is_file():
            continue
        first, second = asked(content, File(path)), asked(content, File(path))
        path.write_bytes(b"changed %d" % at)
        third = asked(content, File(path))
        expected = (b"%d" % at, "ran"), (b"%d" % at, "hit"), (b"changed %d" % at, "ran")
        recorder.note(
            FAULT, "files", "correct" if (first, second, third) == expected else "wrong", (name, first, third)
        )
    whole = sorted(path.read_bytes() for path in folder.iterdir())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = [asked(contents, Folder(folder)) for _ in range(2)]

    assert recorder.wrong == []
    assert recorder.tried(FAULT) > 40
    assert answers == [(whole, "ran"), (whole, "hit")]
    assert len(whole) == recorder.tried(FAULT)
