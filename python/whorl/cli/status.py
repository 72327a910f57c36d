"""
``whorl status``: say what is fresh, stale or waiting, and why.

Before and after the arrow; nothing is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whorl.cli import options
from whorl.cli.commands import FAILED
from whorl.cli.screen import prints_apart
from whorl.cli.target import bind_goal, find_stored, find_target
from whorl.engine import open_session
from whorl.explain import Status, survey
from whorl.report.plain_data import status_data
from whorl.report.statuses import draw_statuses, needs_run

if TYPE_CHECKING:
    from whorl.cli.target import Target


@click.command("status")
@click.argument("target", required=False)
@click.option("--check", is_flag=True, help="Exit with status 1 if anything is stale or waiting.")
@options.arguments
@options.as_json
@click.pass_context
def command(ctx: click.Context, target: str | None, *, check: bool, arguments: tuple[str, ...], as_json: bool) -> None:
    """
    Say what is fresh, stale or waiting for another stage, and why; nothing runs.

    TARGET is what ``whorl run`` takes; without one, every stage that has been stored and is still there.
    """
    with prints_apart(apart=as_json) as screen:
        found = find_target(target) if target else find_stored()
        statuses = survey_target(found, arguments)
        if as_json:
            screen.data([status_data(status) for status in statuses])
        else:
            screen.lines(draw_statuses(statuses, target=target or "", paint=screen.paint))
    if check and needs_run(statuses):
        ctx.exit(FAILED)


def survey_target(target: Target, arguments: tuple[str, ...] = ()) -> tuple[Status, ...]:
    """Say how the stages of a target stand, with all that feeds them, sources first."""
    goal = bind_goal(target, arguments, everything=True)
    statuses = {status.stage: status for status in survey(open_session(goal.calls[0]), goal.calls)}
    shown = {stage.definition.name for stage in target.stages}
    called = {name: Status(name, "called", why) for name, why in goal.called.items() if name in shown}
    return tuple({**called, **statuses}[name] for name in goal.graph.definitions if name in {**called, **statuses})
