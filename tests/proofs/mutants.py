"""
Files of the standard library in; functions of theirs, each with one small change, out.

Which functions and which changes follows from a seed alone.  A function stands in a stage that makes it, with the class
around it, so that defaults, decorators and private names are part of what is compared.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING

from proofs.changes import Change, expression_changes
from proofs.corpus import compiled, parsed, sources
from proofs.statement_changes import statement_changes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# Longer functions cost more than they show: their parts are like those of shorter ones.
_LONGEST = 6_000
_NOT_CHANGED = frozenset(("annotation", "returns", "ctx", "op", "ops", "type_comment", "type_params"))


@dataclass(frozen=True, slots=True)
class Mutant:
    """A stage before and after one change."""

    origin: str
    change: str
    before: str
    after: str
    original: CodeType
    mutated: CodeType


def stage_of(code: CodeType) -> FunctionType:
    """Make the function that a module of one function defines, without running anything."""
    (body,) = (constant for constant in code.co_consts if hasattr(constant, "co_code"))
    return FunctionType(body, {"__name__": "proof"}, "stage")


def mutants(count: int, seed: int, *, each: int = 12, step: int = 1) -> Iterator[Mutant]:
    """Yield ``count`` mutants of functions drawn from every ``step``-th file, at most ``each`` of one function."""
    rng = random.Random(seed)
    found = [(origin, text) for origin, text in stages(step) if len(text) <= _LONGEST]
    rng.shuffle(found)
    left = count
    for origin, text in found:
        for mutant in _of_function(origin, text, rng, min(each, left)):
            left -= 1
            yield mutant
        if not left:
            return


def stages(step: int) -> Iterator[tuple[str, str]]:
    """Yield the name of each function of the library, and the text of a stage that makes it."""
    for source in sources(step=step):
        for node in source.tree.body:
            if isinstance(node, _DEFINITIONS):
                yield _stage(source.name, node, [])
            elif isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, _DEFINITIONS):
                        yield _stage(source.name, inner, [node])


def _stage(file: str, node: ast.stmt, around: list[ast.ClassDef]) -> tuple[str, str]:
    name = node.name  # type: ignore[attr-defined]
    for outer in around:
        (shell,) = parsed(f"class {outer.name}: pass").body
        shell.body = [node]  # type: ignore[attr-defined]
        node = shell
    tree = parsed(f"def stage():\n    return {node.name}")  # type: ignore[attr-defined]
    tree.body[0].body.insert(0, node)  # type: ignore[attr-defined]
    return f"{file}:{name}", ast.unparse(tree)


def _of_function(origin: str, text: str, rng: random.Random, count: int) -> Iterator[Mutant]:
    before = parsed(text)
    kept = ast.dump(before)
    original = compiled(before)
    by_name: dict[str, list[int]] = {}
    for index, change in enumerate(_changes(before)):
        by_name.setdefault(change.name, []).append(index)
    for name in rng.sample(sorted(by_name), min(count, len(by_name))):
        after = parsed(text)
        list(_changes(after))[rng.choice(by_name[name])].apply()
        mutated = _printed(after)
        if mutated is not None and ast.dump(parsed(mutated)) != kept:
            yield Mutant(origin, name, text, mutated, original, compiled(mutated))


def _printed(tree: ast.Module) -> str | None:
    """Print a changed tree; some changes make no program."""
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
        compiled(text)
    except (SyntaxError, ValueError, TypeError, AttributeError):
        return None
    return text


def _changes(tree: ast.Module) -> Iterator[Change]:
    """Yield all changes of what a stage makes, always in the same order."""
    stage = tree.body[0]
    assert isinstance(stage, ast.FunctionDef)
    for node in _nodes(stage.body[0]):
        yield from expression_changes(node)
        yield from statement_changes(node)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and those in it, less docstrings and annotations."""
    yield node
    docstring = _docstring(node)
    for name, value in ast.iter_fields(node):
        if name not in _NOT_CHANGED:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and child is not docstring:
                    yield from _nodes(child)


def _docstring(node: ast.AST) -> ast.AST | None:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node, clean=False):
        return node.body[0]
    return None
