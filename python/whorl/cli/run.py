"""
``whorl run``: bring stages up to date, and say in one line per stage what happened.

Before and after the arrow.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import click

from whorl import config
from whorl.changes import name_shortly
from whorl.cli import options
from whorl.cli.commands import FAILED, complain
from whorl.cli.screen import err, prints_apart, shown_path
from whorl.cli.target import bind_goal, find_target
from whorl.engine import bring_all, open_session
from whorl.errors import WhorlError
from whorl.explain import explain_outcome, plan
from whorl.modes import MODES
from whorl.outcome import observe
from whorl.report.failures import draw_traceback, find_place, word_exception
from whorl.report.outcomes import REASON_WIDTH, draw_outcome, draw_summary
from whorl.report.plain_data import outcome_data, status_data
from whorl.report.statuses import draw_plan
from whorl.settings import is_url
from whorl.stopwatch import seconds_in_functions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whorl.cli.screen import Screen
    from whorl.cli.target import Goal
    from whorl.digest import Digest
    from whorl.outcome import Outcome


_WIDEST_REASON = 56  # a longer one stands out, and moves no other line


@click.command("run")
@click.argument("target")
@click.option("-n", "--dry-run", "dry", is_flag=True, help="Say what would run, and run nothing.")
@options.arguments
@options.as_json
@click.option("--recompute", is_flag=True, help="Compute the target anew, whatever is stored.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Run N independent stages side by side.")
@click.pass_context
def command(
    ctx: click.Context,
    target: str,
    *,
    dry: bool,
    arguments: tuple[str, ...],
    as_json: bool,
    recompute: bool,
    jobs: int | None,
) -> None:
    """
    Bring stages up to date: run what changed, and nothing else.

    TARGET is FILE.py:STAGE, PACKAGE.MODULE:STAGE, the name of a stored stage, or a file alone for all its stages.
    """
    started = time.perf_counter()
    with prints_apart(apart=as_json) as screen:
        goal = bind_goal(find_target(target), arguments, recompute=recompute)
        for name, needs in goal.called.items():
            err().line(f"note: {name} is left out, it is called {needs}")
        if dry:
            show_plan(goal, screen, as_json=as_json)
            return
        progress = Progress(goal.graph.definitions)
        error = progress.run(goal, jobs)
        seconds = time.perf_counter() - started
        if as_json:
            screen.data({"target": target, **progress.data(seconds, error)})
        elif error is None or progress.outcomes:
            progress.summarise(seconds)
    if error is not None:
        ctx.exit(complain(error, find_place(error)) if isinstance(error, WhorlError) else FAILED)


def show_plan(goal: Goal, screen: Screen, *, as_json: bool) -> None:
    """Show what a run would do."""
    statuses = plan(open_session(goal.calls[0]), goal.calls)
    if as_json:
        screen.data([status_data(status) for status in statuses])
    else:
        screen.lines(draw_plan(statuses, paint=screen.paint))


class Progress:
    """Shows each stage's line as it completes, and keeps what the end of the run will tell."""

    def __init__(self, stages: Iterable[str]) -> None:
        self.outcomes: list[Outcome] = []
        self._screen = err()
        self._names = name_shortly(stages)
        self._seen: dict[Digest | None, Outcome] = {}
        self._lines: list[dict[str, object]] = []
        self._failed: list[Outcome] = []
        self._inside = 0.0
        self._width = REASON_WIDTH
        self._lock = threading.Lock()

    def run(self, goal: Goal, jobs: int | None) -> Exception | None:
        """Bring everything up to date; give the exception that ended it, after showing it."""
        started, before = time.perf_counter(), seconds_in_functions()
        try:
            with observe(self.tell):
                bring_all(goal.calls, jobs)
        except Exception as error:  # noqa: BLE001 - shown here; the exit status tells
            self._tell_failures(word_exception(error))
            if not isinstance(error, WhorlError):
                self._screen.line(draw_traceback(error))
            return error
        else:
            self._tell_failures("its caller went on")
            return None
        finally:
            self._inside = time.perf_counter() - started - (seconds_in_functions() - before)

    def tell(self, outcome: Outcome) -> None:
        """Show one outcome; a failure waits, for an interruption looks the same at first."""
        with self._lock:
            if outcome.kind == "failed":
                self._failed.append(outcome)
                return
            self._tell_failures("its caller went on")
            explanation = explain_outcome(outcome, self._seen)
            self._show(outcome, explanation.reason)
            self._lines.append(outcome_data(outcome, explanation.reason, explanation))

    def summarise(self, seconds: float) -> None:
        """Show the line under the run."""
        paint, store = self._screen.paint, word_store()
        self._screen.line(draw_summary(self.outcomes, seconds=seconds, inside=self._inside, store=store, paint=paint))

    def data(self, seconds: float, error: Exception | None) -> dict[str, object]:
        """Give the whole run as plain data."""
        return {
            "ok": error is None,
            "error": word_exception(error) if error else None,
            "outcomes": self._lines,
            "seconds": seconds,
            "seconds_in_whorl": self._inside,
            "store": config.settings().filesystem,
        }

    def _tell_failures(self, reason: str) -> None:
        for outcome in self._failed:
            self._show(outcome, reason)
            self._lines.append(outcome_data(outcome, reason, None))
        self._failed.clear()

    def _show(self, outcome: Outcome, reason: str) -> None:
        self.outcomes.append(outcome)
        self._seen[outcome.key] = outcome
        self._width = max(self._width, min(len(reason), _WIDEST_REASON))
        line = draw_outcome(outcome, reason, names=self._names, reason_width=self._width, paint=self._screen.paint)
        self._screen.line(line)


def word_store() -> str:
    """Name the store as the user would, and who can use it."""
    settings = config.settings()
    mode = MODES[settings.mode]
    if not (mode.reads or mode.writes):
        return f"none (mode {settings.mode})"
    where = shown_path(settings.filesystem)
    return where if is_url(settings.filesystem) else f"{where} (local only)"
