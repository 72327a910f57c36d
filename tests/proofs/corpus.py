"""
Nothing in; the sources of the standard library that runs this out, and code objects taken apart.

Everything below the library's folder counts, its tests too, except what is installed there and files that are no Python
of this version (the library keeps some on purpose).
"""

from __future__ import annotations

import ast
import sysconfig
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY = Path(sysconfig.get_path("stdlib"))
_INSTALLED = frozenset(("site-packages", "dist-packages"))
_IS_FUNCTION = 0x01  # CO_OPTIMIZED: a function's, not that of a module or a class


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the library: its path below the library's folder, its text, and the tree of it."""

    name: str
    text: str
    tree: ast.Module


def sources(*, step: int = 1) -> Iterator[Source]:
    """Yield every ``step``-th file that can be parsed, in the order of names."""
    paths = sorted(path for path in LIBRARY.rglob("*.py") if _INSTALLED.isdisjoint(path.parts))
    for path in paths[::step]:
        source = _read(path)
        if source is not None:
            yield source


def _read(path: Path) -> Source | None:
    try:
        with tokenize.open(path) as file:
            text = file.read()
        tree = parsed(text)
        compiled(tree)
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return None
    return Source(path.relative_to(LIBRARY).as_posix(), text, tree)


def parsed(text: str) -> ast.Module:
    """Parse a module; what the compiler warns of is the library's business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def compiled(module: str | ast.Module, name: str = "<proof>") -> CodeType:
    """Compile a module as it stands, without the ``__future__`` of this file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code: CodeType = compile(module, name, "exec", dont_inherit=True)
        return code


def codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and all that are nested in it, in the order of their constants."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def is_function(code: CodeType) -> bool:
    """Tell the code of a function, lambda or comprehension from that of a module or class."""
    return bool(code.co_flags & _IS_FUNCTION)
