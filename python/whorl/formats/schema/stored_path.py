"""
The path of a stored file or folder, which counts by what it leads to.

A path counts by its text, but that of a stored file is another on each machine and after each run.  What is made from
this one by ``/``, ``parent`` and the like is a path as any other.  On the arrow: *decode* of file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from whorl.fingerprint.inputs import File, Folder


class StoredPath(type(Path())):  # type: ignore[misc]  # the class of this system's paths
    """A path that is digested as ``whorl.File`` or ``whorl.Folder`` is."""

    __slots__ = ()

    def __whorl_digest__(self) -> File | Folder:
        return Folder(Path(self)) if self.is_dir() else File(Path(self))

    def with_segments(self, *segments: Any) -> Path:
        """Make the paths that are made from this one (Python 3.12 and later)."""
        return Path(*segments)

    if sys.version_info < (3, 12):

        @classmethod
        def _from_parsed_parts(cls, *parts: Any) -> Path:
            return Path()._from_parsed_parts(*parts)  # type: ignore[no-any-return,attr-defined]  # noqa: SLF001 - there is no other way before 3.12
