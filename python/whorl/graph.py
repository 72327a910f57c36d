"""
Definitions of stages in, who feeds whom out.

A stage *feeds* another that receives its result, and is *called* by one whose code refers to it.  Only what code and
declarations say is here: a stage that is called through ``getattr`` shows up in traces alone.  Beside the arrow: what
is drawn, and the order in which stages are listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whorl.definition import is_stage
from whorl.errors import ConfigError
from whorl.fingerprint.code import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from whorl.definition import Definition

FEEDS, CALLS = "feeds", "calls"


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` feeds ``target`` under the name of ``parameter``, or is called by it."""

    source: str
    target: str
    kind: str
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """Definitions by name, each after those that feed it or that it calls, and the edges between them."""

    definitions: Mapping[str, Definition]
    edges: tuple[Edge, ...]

    @property
    def ends(self) -> tuple[str, ...]:
        """The stages that no other stage consumes."""
        consumed = {edge.source for edge in self.edges if edge.source != edge.target}
        return tuple(name for name in self.definitions if name not in consumed)


def build_graph(definitions: Iterable[Definition]) -> Graph:
    """
    Find everything that feeds some stages or is called by them, at any depth.

    Raises ConfigError where a stage waits for its own result.
    """
    found: dict[str, Definition] = {}
    edges: dict[str, tuple[Edge, ...]] = {}
    waiting = list(definitions)
    first = [definition.name for definition in waiting]
    while waiting:
        definition = waiting.pop()
        if definition.name not in found:
            found[definition.name] = definition
            links = list(_links(definition))
            edges[definition.name] = tuple(edge for edge, _ in links)
            waiting.extend(source for _, source in links)
    ordered = _in_order(first, edges)
    return Graph({name: found[name] for name in ordered}, tuple(edge for name in ordered for edge in edges[name]))


def _links(definition: Definition) -> Iterator[tuple[Edge, Definition]]:
    """Yield what feeds a stage, then what its code refers to."""
    for parameter, declared in definition.inputs.items():
        if is_stage(declared):
            source: Definition = declared.definition  # type: ignore[attr-defined]
            yield Edge(source.name, definition.name, FEEDS, parameter), source
    code = fingerprint(definition.function, depends_on=definition.depends_on, ignore=definition.ignore)
    for stage in code.stages:
        called: Definition = stage.definition  # type: ignore[attr-defined]
        yield Edge(called.name, definition.name, CALLS), called


def _in_order(names: Iterable[str], edges: Mapping[str, tuple[Edge, ...]]) -> list[str]:
    """Order names so that sources come first, however deep; calls may go round, since a recursion ends by itself."""
    ordered: dict[str, None] = {}
    for start in names:
        path: list[tuple[Edge | None, str, Iterator[Edge]]] = (
            [] if start in ordered else [(None, start, iter(edges[start]))]
        )
        while path:
            edge = next(path[-1][2], None)
            if edge is None:
                ordered[path.pop()[1]] = None
            elif any(edge.source == name for _, name, _ in path):
                _check_circle([*(via for via, _, _ in path if via), edge], edge.source)
            elif edge.source not in ordered:
                path.append((edge, edge.source, iter(edges[edge.source])))
    return list(ordered)


def _check_circle(path: list[Edge], start: str) -> None:
    """Raise for a circle in which a stage receives a result: that result can never be computed."""
    begin = next(index for index, edge in enumerate(path) if edge.target == start)
    circle = path[begin:]
    if any(edge.kind == FEEDS for edge in circle):
        chain = " → ".join([start, *(edge.source for edge in circle)])
        raise ConfigError("the stages feed each other in a circle", chain, "let one of them take a parameter instead")
