"""
``whorl why``: say why stages would run, every difference, before anything runs.

Before and after the arrow; nothing is computed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from whorl.cli import options
from whorl.cli.screen import prints_apart
from whorl.cli.target import bind_goal, find_target
from whorl.engine import open_session
from whorl.explain import explain_now
from whorl.report.plain_data import explanation_data
from whorl.report.whys import draw_why

if TYPE_CHECKING:
    from whorl.explain import Explanation


@click.command("why")
@click.argument("target")
@options.arguments
@options.as_json
def command(target: str, *, arguments: tuple[str, ...], as_json: bool) -> None:
    """
    Say why a stage would run: every difference from the stored entry that is most like the call; nothing runs.

    TARGET is what ``whorl run`` takes; of a file or module alone, every stage that is not fresh is explained.
    """
    with prints_apart(apart=as_json) as screen:
        found = explain_target(target, arguments)
        if as_json:
            screen.data([explanation_data(explanation) for explanation in found])
        else:
            for index, explanation in enumerate(found):
                screen.lines([""] if index else [])
                screen.lines(draw_why(explanation, now=time.time(), paint=screen.paint))


def explain_target(text: str, arguments: tuple[str, ...] = ()) -> list[Explanation]:
    """Explain the stage that a target names, or those of a whole file that are not fresh; all where all are fresh."""
    target = find_target(text)
    goal = bind_goal(target, arguments, everything=target.is_whole)
    session = open_session(goal.calls[0])
    found = [explain_now(session, call) for call in goal.calls]
    return [explanation for explanation in found if explanation.changes] or found
