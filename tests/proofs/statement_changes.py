"""
A node of a syntax tree in, the changes of its statements out: which there are, in which order, in which block.

``changes`` has those of expressions, and what a change is.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from proofs.changes import OTHER_NAME, Change, become, list_changes, set_field, swap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCKS = ("body", "orelse", "finalbody")
_AUGMENTED = (ast.Add, ast.Sub, ast.Mult, ast.BitOr)


def statement_changes(node: ast.AST) -> Iterator[Change]:
    """Yield the changes of a statement and of the blocks in it."""
    for block in _BLOCKS:
        statements = getattr(node, block, None)
        if isinstance(statements, list) and not isinstance(node, ast.Module):
            yield from _block(node, statements)
    if isinstance(getattr(node, "test", None), ast.expr) and isinstance(node, ast.stmt):
        yield Change("condition negated", set_field(node, "test", ast.UnaryOp(ast.Not(), node.test)))
        yield Change("condition to constant", set_field(node, "test", ast.Constant(value=True)))
    maker = _MAKERS.get(type(node))
    if maker is not None:
        yield from maker(node)


def _block(node: ast.AST, statements: list[ast.stmt]) -> Iterator[Change]:
    first = 1 if _has_docstring(node, statements) else 0
    for index in range(first, len(statements)):
        yield Change("statement deleted", lambda index=index: statements.__setitem__(index, ast.Pass()))
        yield Change("statement twice", lambda index=index: statements.insert(index, statements[index]))
        yield Change("return put before", lambda index=index: statements.insert(index, ast.Return(None)))
    for index in range(first, len(statements) - 1):
        yield Change("statements swapped", lambda index=index: swap(statements, index))


def _has_docstring(node: ast.AST, statements: list[ast.stmt]) -> bool:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return isinstance(node, kinds) and bool(statements) and ast.get_docstring(node, clean=False) is not None


def _if(node: ast.If) -> Iterator[Change]:
    if node.orelse:
        yield Change("branches swapped", lambda: vars(node).update(body=node.orelse, orelse=node.body))
        yield Change("else dropped", set_field(node, "orelse", []))
    yield Change("if to while", become(node, ast.While(node.test, node.body, node.orelse)))


def _loop(node: ast.For | ast.While | ast.AsyncFor) -> Iterator[Change]:
    if node.orelse:
        yield Change("else of loop into loop", lambda: (node.body.extend(node.orelse), node.orelse.clear()))
    else:
        yield Change("last of loop into else", lambda: _move(node.body, -1, node.orelse, 0))
    if isinstance(node, ast.While):
        yield Change("while to if", become(node, ast.If(node.test, node.body, node.orelse)))
    if isinstance(node, ast.AsyncFor):
        yield Change("async dropped", become(node, ast.For(node.target, node.iter, node.body, node.orelse)))


def _move(source: list[ast.stmt], taken: int, target: list[ast.stmt], place: int) -> None:
    target.insert(place, source.pop(taken))
    source.extend([] if source else [ast.Pass()])


def _try(node: ast.Try) -> Iterator[Change]:
    yield from list_changes("handler", node.handlers, least=0 if node.finalbody else 1)
    if node.handlers:
        yield Change("last of try into else", lambda: _move(node.body, -1, node.orelse, 0))
    if node.orelse:
        yield Change("first of else into try", lambda: _move(node.orelse, 0, node.body, len(node.body)))
    if node.finalbody:
        yield Change("last of try into finally", lambda: _move(node.body, -1, node.finalbody, 0))
        yield Change("first of finally into try", lambda: _move(node.finalbody, 0, node.body, len(node.body)))
        if node.handlers:
            yield Change("finally dropped", set_field(node, "finalbody", []))


def _handler(node: ast.ExceptHandler) -> Iterator[Change]:
    yield Change("type of handler", set_field(node, "type", ast.Name("KeyError", ast.Load())))
    yield Change("name of handler", set_field(node, "name", None if node.name else OTHER_NAME))
    yield Change("raised again", lambda: node.body.append(ast.Raise(None, None)))


def _with(node: ast.With | ast.AsyncWith) -> Iterator[Change]:
    yield from list_changes("context", node.items, least=1)
    yield Change("with dropped", become(node, ast.If(ast.Constant(value=True), node.body, [])))
    if isinstance(node, ast.AsyncWith):
        yield Change("async dropped", become(node, ast.With(node.items, node.body)))


def _break(node: ast.Break) -> Iterator[Change]:
    yield Change("break to continue", become(node, ast.Continue()))


def _continue(node: ast.Continue) -> Iterator[Change]:
    yield Change("continue to break", become(node, ast.Break()))
    yield Change("continue to pass", become(node, ast.Pass()))


def _return(node: ast.Return) -> Iterator[Change]:
    if node.value is not None:
        yield Change("returned value dropped", set_field(node, "value", None))
        yield Change("return dropped", become(node, ast.Expr(node.value)))
    else:
        yield Change("return dropped", become(node, ast.Pass()))


def _raise(node: ast.Raise) -> Iterator[Change]:
    if node.exc is not None:
        yield Change("raise to raise again", lambda: vars(node).update(exc=None, cause=None))
        yield Change("raise dropped", become(node, ast.Expr(node.exc)))
        yield Change("cause", set_field(node, "cause", None if node.cause else ast.Constant(None)))


def _augmented(node: ast.AugAssign) -> Iterator[Change]:
    for operator in _AUGMENTED:
        if not isinstance(node.op, operator):
            yield Change("operator in place", set_field(node, "op", operator()))
    yield Change("in place to plain", become(node, ast.Assign([node.target], node.value)))


def _assign(node: ast.Assign) -> Iterator[Change]:
    yield from list_changes("target", node.targets, least=1)
    target = node.targets[0]
    if len(node.targets) == 1 and isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
        yield Change("plain to in place", become(node, ast.AugAssign(target, ast.Add(), node.value)))
    yield Change("assignment dropped", become(node, ast.Expr(node.value)))


def _assert(node: ast.Assert) -> Iterator[Change]:
    yield Change("message", set_field(node, "msg", None if node.msg else ast.Constant("wrong")))


def _import(node: ast.Import | ast.ImportFrom) -> Iterator[Change]:
    for alias in node.names:
        yield Change("imported name", set_field(alias, "name", OTHER_NAME))
        yield Change("name of import", set_field(alias, "asname", None if alias.asname else OTHER_NAME))
    yield from list_changes("import", node.names, least=1)
    if isinstance(node, ast.ImportFrom):
        yield Change("imported module", set_field(node, "module", OTHER_NAME))
        yield Change("level of import", set_field(node, "level", node.level + 1))


def _definition(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[Change]:
    yield from list_changes("decorator", node.decorator_list)
    if isinstance(node, ast.ClassDef):
        yield from list_changes("base", node.bases)


def _match(node: ast.Match) -> Iterator[Change]:
    yield from list_changes("case", node.cases, least=1)
    for case in node.cases:
        yield Change("guard", set_field(case, "guard", None if case.guard else ast.Name("guard", ast.Load())))


_MAKERS: dict[type[ast.AST], Callable[..., Iterator[Change]]] = {
    ast.If: _if,
    ast.For: _loop,
    ast.While: _loop,
    ast.AsyncFor: _loop,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.ExceptHandler: _handler,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.AugAssign: _augmented,
    ast.Assign: _assign,
    ast.Assert: _assert,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.FunctionDef: _definition,
    ast.AsyncFunctionDef: _definition,
    ast.ClassDef: _definition,
    ast.Match: _match,
}
