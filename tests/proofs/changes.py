"""
A node of a syntax tree in, the changes that can be made to it out.

A change is a word for what it does and a function that does it in place.  Changes of statements, and of where they
stand, are in ``statement_changes``; this module has those of expressions.  Docstrings and annotations are left alone.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Change(NamedTuple):
    """What is done, in a few words, and the doing."""

    name: str
    apply: Callable[[], object]


_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.BitAnd, ast.BitOr, ast.LShift)
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn)
_SIGNS = (ast.Not, ast.USub, ast.UAdd, ast.Invert)
# A name that no code of the library has.
OTHER_NAME = "another_name"


def expression_changes(node: ast.AST) -> Iterator[Change]:
    """Yield the changes of an expression, a parameter or a part of one."""
    maker = _MAKERS.get(type(node))
    if maker is not None:
        yield from maker(node)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        yield from list_changes("element", node.elts, least=1)


def set_field(node: ast.AST, name: str, value: object) -> Callable[[], object]:
    """Make a change of one field."""
    return lambda: setattr(node, name, value)


def become(node: ast.AST, other: ast.AST) -> Callable[[], object]:
    """Make a change that puts another node in a node's place."""

    def apply() -> None:
        fields = dict(vars(other))
        node.__class__ = other.__class__
        vars(node).clear()
        vars(node).update(fields)

    return apply


def list_changes(word: str, items: list[ast.AST], *, least: int = 0) -> Iterator[Change]:
    """Yield the changes of a list of nodes: one less, one twice, two in another order."""
    for index in range(len(items)):
        if len(items) > least:
            yield Change(f"{word} dropped", lambda index=index: items.pop(index))
        yield Change(f"{word} twice", lambda index=index: items.insert(index, items[index]))
    for index in range(len(items) - 1):
        yield Change(f"{word}s swapped", lambda index=index: swap(items, index))


def swap(items: list[ast.AST], index: int) -> None:
    """Exchange two neighbours."""
    items[index], items[index + 1] = items[index + 1], items[index]


def _constant(node: ast.Constant) -> Iterator[Change]:
    for other in _other_values(node.value):
        yield Change("constant", set_field(node, "value", other))


def _other_values(value: object) -> Sequence[object]:
    """List values beside a value: near ones, and equal ones of another type."""
    if isinstance(value, bool):
        return (not value, int(value), None)
    if isinstance(value, int):
        return (value + 1, value - 1, 0, 1, True, *([float(value)] if value < 1 << 53 else []))
    if isinstance(value, str):
        return (value + "x", value[1:], value.upper(), value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes):
        return (value + b"x", value[1:])
    if isinstance(value, float | complex):
        return (value * 2 + 1, 0.0, -0.0)
    return (False, 0, "") if value is None else (None,)


def _binary(node: ast.BinOp) -> Iterator[Change]:
    for operator in _ARITHMETIC:
        if not isinstance(node.op, operator):
            yield Change("operator", set_field(node, "op", operator()))
    yield Change("operands swapped", lambda: vars(node).update(left=node.right, right=node.left))
    yield Change("operand alone", become(node, node.left))
    yield Change("operand alone", become(node, node.right))


def _boolean(node: ast.BoolOp) -> Iterator[Change]:
    yield Change("and, or", set_field(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()))
    yield from list_changes("condition", node.values, least=2)
    yield Change("operand alone", become(node, node.values[0]))


def _unary(node: ast.UnaryOp) -> Iterator[Change]:
    yield Change("not dropped" if isinstance(node.op, ast.Not) else "sign dropped", become(node, node.operand))
    for operator in _SIGNS:
        if not isinstance(node.op, operator):
            yield Change("sign", set_field(node, "op", operator()))
    yield Change("twice not", set_field(node, "operand", ast.UnaryOp(node.op, node.operand)))


def _compare(node: ast.Compare) -> Iterator[Change]:
    for index, known in enumerate(node.ops):
        for operator in _COMPARISONS:
            if not isinstance(known, operator):
                yield Change("comparison", lambda index=index, op=operator: node.ops.__setitem__(index, op()))
    yield Change("comparands swapped", lambda: _swap_comparands(node))
    yield Change("comparison negated", become(node, ast.UnaryOp(ast.Not(), ast.Compare(*map(vars(node).get, _PARTS)))))


_PARTS = ("left", "ops", "comparators")


def _swap_comparands(node: ast.Compare) -> None:
    node.left, node.comparators[-1] = node.comparators[-1], node.left


def _call(node: ast.Call) -> Iterator[Change]:
    yield from list_changes("argument", node.args)
    for keyword in list(node.keywords):
        if keyword.arg is not None:
            yield Change("keyword renamed", set_field(keyword, "arg", OTHER_NAME))
            yield Change("keyword to position", lambda keyword=keyword: _move_keyword(node, keyword))
        else:
            yield Change("double star to star", lambda keyword=keyword: _move_keyword(node, keyword))
    yield from (item for item in list_changes("keyword", node.keywords) if "twice" not in item.name)
    yield Change("call dropped", become(node, node.func))
    if node.args:
        yield Change("call to argument", become(node, node.args[0]))


def _move_keyword(node: ast.Call, keyword: ast.keyword) -> None:
    node.keywords.remove(keyword)
    node.args.append(keyword.value if keyword.arg else ast.Starred(keyword.value, ast.Load()))


def _attribute(node: ast.Attribute) -> Iterator[Change]:
    yield Change("attribute", set_field(node, "attr", OTHER_NAME))
    if isinstance(node.ctx, ast.Load):
        yield Change("attribute dropped", become(node, node.value))
        yield Change("attribute called", become(node, ast.Call(ast.Attribute(node.value, node.attr, node.ctx), [], [])))


def _name(node: ast.Name) -> Iterator[Change]:
    yield Change("name", set_field(node, "id", OTHER_NAME))
    yield Change("name to builtin", set_field(node, "id", "len"))
    if isinstance(node.ctx, ast.Load):
        yield Change("name to constant", become(node, ast.Constant(None)))


def _subscript(node: ast.Subscript) -> Iterator[Change]:
    if isinstance(node.ctx, ast.Load):
        yield Change("subscript dropped", become(node, node.value))


def _slice(node: ast.Slice) -> Iterator[Change]:
    for name in ("lower", "upper", "step"):
        other = None if getattr(node, name) is not None else ast.Constant(1)
        yield Change(f"slice {name}", set_field(node, name, other))
    yield Change("slice turned", lambda: vars(node).update(lower=node.upper, upper=node.lower))


def _text(node: ast.JoinedStr) -> Iterator[Change]:
    yield from list_changes("text part", node.values, least=1)


def _formatted(node: ast.FormattedValue) -> Iterator[Change]:
    for conversion in (-1, ord("r"), ord("s"), ord("a")):
        if conversion != node.conversion:
            yield Change("text conversion", set_field(node, "conversion", conversion))
    other = None if node.format_spec is not None else ast.JoinedStr([ast.Constant("10")])
    yield Change("text format", set_field(node, "format_spec", other))


def _condition(node: ast.IfExp) -> Iterator[Change]:
    yield Change("condition negated", set_field(node, "test", ast.UnaryOp(ast.Not(), node.test)))
    yield Change("branches swapped", lambda: vars(node).update(body=node.orelse, orelse=node.body))
    yield Change("branch alone", become(node, node.body))


def _mapping(node: ast.Dict) -> Iterator[Change]:
    for index in range(len(node.keys)):
        yield Change("pair dropped", lambda index=index: (node.keys.pop(index), node.values.pop(index)))
    for index in range(len(node.keys) - 1):
        yield Change("values swapped", lambda index=index: swap(node.values, index))
        yield Change("pairs swapped", lambda index=index: (swap(node.keys, index), swap(node.values, index)))


def _loop(node: ast.comprehension) -> Iterator[Change]:
    yield from list_changes("filter", node.ifs)
    yield Change("asynchronous", set_field(node, "is_async", 1 - node.is_async))


def _list_of(node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Iterator[Change]:
    for kind in (ast.ListComp, ast.SetComp, ast.GeneratorExp):
        if not isinstance(node, kind):
            yield Change("kind of comprehension", become(node, kind(node.elt, node.generators)))
    if len(node.generators) > 1:
        yield Change("loops swapped", lambda: swap(node.generators, 0))


def _unwrapped(word: str) -> Callable[[ast.AST], Iterator[Change]]:
    def changes(node: ast.AST) -> Iterator[Change]:
        value: ast.AST | None = node.value  # type: ignore[attr-defined]
        if value is not None:
            yield Change(f"{word} dropped", become(node, value))

    return changes


def _delegated(node: ast.YieldFrom) -> Iterator[Change]:
    yield Change("yield from to yield", become(node, ast.Yield(node.value)))


def _arguments(node: ast.arguments) -> Iterator[Change]:
    parameters = [*node.posonlyargs, *node.args, *node.kwonlyargs]
    for parameter in parameters:
        yield Change("parameter renamed", set_field(parameter, "arg", OTHER_NAME))
    yield from (item for item in list_changes("default", node.defaults) if "twice" not in item.name)
    if len(node.args) > 1:
        yield Change("parameters swapped", lambda: swap(node.args, len(node.args) - 2))
    if node.args and not node.defaults:
        yield Change("positional only", lambda: node.posonlyargs.append(node.args.pop(0)))
    if node.args and not node.defaults and node.vararg is None:
        yield Change("keyword only", lambda: (node.kwonlyargs.append(node.args.pop()), node.kw_defaults.append(None)))
    for name in ("vararg", "kwarg"):
        yield Change(name, set_field(node, name, ast.arg(OTHER_NAME) if getattr(node, name) is None else None))


_MAKERS: dict[type[ast.AST], Callable[..., Iterator[Change]]] = {
    ast.Constant: _constant,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.Call: _call,
    ast.Attribute: _attribute,
    ast.Name: _name,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.JoinedStr: _text,
    ast.FormattedValue: _formatted,
    ast.IfExp: _condition,
    ast.Dict: _mapping,
    ast.comprehension: _loop,
    ast.ListComp: _list_of,
    ast.SetComp: _list_of,
    ast.GeneratorExp: _list_of,
    ast.Await: _unwrapped("await"),
    ast.Starred: _unwrapped("star"),
    ast.Yield: _unwrapped("yield"),
    ast.YieldFrom: _delegated,
    ast.NamedExpr: _unwrapped("walrus"),
    ast.arguments: _arguments,
}
