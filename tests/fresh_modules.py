"""The text of a module in, the module out, imported under a name that no other test has, and forgotten afterwards."""

from __future__ import annotations

import importlib
import itertools
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_numbers = itertools.count()


@contextmanager
def fresh_module(text: str, folder: Path) -> Iterator[Any]:
    """Give a module of stages that nothing has called yet."""
    name = f"fresh_{next(_numbers)}"
    (folder / f"{name}.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield importlib.import_module(name)
    del sys.modules[name]
