"""
The tree of a module in; the same tree, with the lines that it would have in the fewest lines that Python allows, out.

Simple statements that follow each other share a line, with semicolons between them; where a block has no others, they
share the line of its header.  Every other statement, ``elif``, ``else``, ``except``, ``finally`` and ``case`` begins a
line, and so does each decorator.
"""

from __future__ import annotations

import ast
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def in_few_lines(tree: ast.Module) -> ast.Module:
    """Give each statement its line, in place."""
    _block(tree.body, 0, shared=False)
    return tree


def _block(statements: Sequence[ast.stmt], line: int, *, shared: bool) -> int:
    """Place the statements of a block, from the line of its header on where that may be shared; give the last line."""
    shared = shared and all(map(_is_simple, statements))
    for statement in statements:
        if _is_simple(statement):
            line += not shared
            _put(statement, line)
            shared = True
        else:
            line = _compound(statement, line)
            shared = False
    return line


def _is_simple(statement: ast.stmt) -> bool:
    return not hasattr(statement, "body") and not isinstance(statement, ast.Match)


def _compound(statement: ast.stmt, line: int) -> int:
    """Place a statement that has blocks below the line before it; give its last line."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    line += 1 + len(decorators)
    _put(statement, line)
    for above, decorator in enumerate(reversed(decorators), start=1):
        _put(decorator, line - above)
    line = _block(getattr(statement, "body", []), line, shared=True)
    for part in chain(getattr(statement, "handlers", []), getattr(statement, "cases", [])):
        _put(part, line + 1)
        line = _block(part.body, line + 1, shared=True)
    for name in ("orelse", "finalbody"):
        line = _last_block(statement, getattr(statement, name, []), line)
    return line


def _last_block(statement: ast.stmt, block: list[ast.stmt], line: int) -> int:
    if isinstance(statement, ast.If) and len(block) == 1 and isinstance(block[0], ast.If):
        return _compound(block[0], line)  # elif
    return _block(block, line + 1, shared=True) if block else line


def _put(node: ast.AST, line: int) -> None:
    """Put a node and everything in it on one line."""
    for inner in ast.walk(node):
        if "lineno" in inner._attributes:
            inner.lineno, inner.col_offset = line, 0  # type: ignore[attr-defined]
            inner.end_lineno, inner.end_col_offset = line, 0  # type: ignore[attr-defined]
