"""Who feeds whom is read from declarations and code, and told in an order in which it could be computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from whorl import Stage, stage
from whorl.errors import ConfigError
from whorl.graph import CALLS, FEEDS, Edge, Graph, build_graph

if TYPE_CHECKING:
    from collections.abc import Iterable


@stage
def source() -> int:
    """Feed two."""
    return 1


@stage(source=source)
def left(source: int) -> int:
    """Take one."""
    return source


@stage(source=source)
def right(source: int) -> int:
    """Take one, too."""
    return source


def helper() -> int:
    """Call a stage."""
    return lookup(1)


@stage
def lookup(number: int) -> int:
    """Be called."""
    return number


@stage(one=left, other=right)
def joined(one: int, other: int) -> int:
    """Take two, and call one through a helper."""
    return one + other + helper()


@stage
def factorial(number: int) -> int:
    """Call itself."""
    return number * factorial(number - 1) if number else 1


@stage
def even(number: int) -> bool:
    """Call one that calls this."""
    return not number or odd(number - 1)


@stage
def odd(number: int) -> bool:
    """Call one that calls this."""
    return bool(number) and even(number - 1)


def graph_of(*stages: Stage[..., Any]) -> Graph:
    """Build the graph of some stages."""
    return build_graph(stage.definition for stage in stages)


def short(names: Iterable[str]) -> list[str]:
    """Give the last parts of names."""
    return [name.rpartition(".")[2] for name in names]


def test_sources_come_before_what_they_feed() -> None:
    """A diamond has each stage once, in an order in which it could be computed."""
    graph = graph_of(joined)

    assert short(graph.definitions) == ["source", "left", "right", "lookup", "joined"]


def test_edges_say_whether_a_stage_feeds_or_is_called() -> None:
    """A declared upstream has the name of its parameter; a call is found in the code, through helpers too."""
    graph = graph_of(joined)
    name = joined.definition.name

    assert Edge(left.definition.name, name, FEEDS, "one") in graph.edges
    assert Edge(lookup.definition.name, name, CALLS) in graph.edges


def test_ends_are_consumed_by_nobody() -> None:
    """Neither what feeds another stage nor what one calls is an end, in whatever order they are given."""
    assert short(graph_of(source, lookup, joined, left, right).ends) == ["joined"]
    assert short(graph_of(left, right).ends) == ["left", "right"]


def test_a_recursion_is_no_circle() -> None:
    """A stage may call itself with other arguments, also through another; it ends by itself."""
    assert short(graph_of(factorial).ends) == ["factorial"]
    assert sorted(short(graph_of(even).definitions)) == ["even", "odd"]


def test_a_circle_of_results_is_an_error_that_names_it() -> None:
    """A stage that waits for its own result can never be computed."""

    @stage(other=source)
    def first(other: int) -> int:
        return other

    @stage(first=first)
    def second(first: int) -> int:
        return first

    first.definition.inputs["other"] = second  # type: ignore[index]

    with pytest.raises(ConfigError, match="circle") as caught:
        graph_of(second)
    assert caught.value.cause.count("→") == 2


def test_a_long_chain_is_ordered_without_recursion() -> None:
    """Depth is bounded by memory, not by Python's stack."""
    last: Stage[..., Any] = source
    for number in range(1500):

        @stage(last=last, name=f"chain {number}")
        def link(last: int) -> int:
            return last

        last = link
    graph = graph_of(last)

    assert len(graph.definitions) == 1501
    assert graph.ends == ("chain 1499",)
