"""A folder as a payload: what a format writes into it can be read again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.formats.base import Format, format_named

if TYPE_CHECKING:
    from pathlib import Path

    from whorl.errors import CorruptEntryError


@dataclass(frozen=True, slots=True)
class FolderPayload:
    """The writer and the reader of one payload."""

    folder: Path

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()))

    def write(self, name: str, data: bytes | memoryview) -> None:
        self.path(name).write_bytes(data)

    def path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def stays(self) -> bool:
        return True

    def size(self, name: str) -> int:
        return (self.folder / name).stat().st_size

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def lazy(self) -> FolderPayload:
        return self

    def refuted(self, what: str, error: CorruptEntryError) -> CorruptEntryError:
        return error


def new_payload(tmp_path: Path) -> FolderPayload:
    """Give an empty payload below a test's folder."""
    folder = tmp_path / f"payload-{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    return FolderPayload(folder)


def through(chosen: str | Format, value: object, tmp_path: Path, **options: object) -> object:
    """Encode a value and decode what was written."""
    made = format_named(chosen) if isinstance(chosen, str) else chosen
    payload = new_payload(tmp_path)
    made.encode(value, payload, options)
    return made.decode(payload, options)
