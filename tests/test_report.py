"""Outcomes, statuses and entries become lines that look the same everywhere, and plain data for scripts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from store_examples import digest, manifest, slot
from whorl.changes import Change, FileChange
from whorl.errors import ConfigError
from whorl.explain import Explanation, Status
from whorl.fingerprint.parts import Difference
from whorl.outcome import Outcome
from whorl.report.entries import draw_entries, sort_entries, word_totals
from whorl.report.failures import draw_error, draw_traceback, find_place, word_exception
from whorl.report.marks import COLOURS, MARKS, fit, leave_plain
from whorl.report.outcomes import draw_outcome, draw_summary
from whorl.report.plain_data import changes_data, entry_data, outcome_data, status_data
from whorl.report.quantities import count, spell_age, spell_seconds, spell_size
from whorl.report.statuses import draw_plan, draw_statuses, needs_run
from whorl.store.manifest import Manifest, PayloadFile, RawFile

NAMES = {"pipeline.clean": "clean", "pipeline.report": "report"}


def stored(size: int) -> Manifest:
    """Give a manifest whose payload has a size."""
    return replace(manifest(), files=(PayloadFile("data", size, digest("data")),), format="parquet")


def outcome(kind: str, stage: str = "pipeline.clean", **fields: object) -> Outcome:
    """Give an outcome of some kind."""
    fields = {"stored": True, **fields}
    return Outcome(stage, kind, digest("key"), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0342, "34 ms"),
        (0.0996, "0.1 s"),
        (18.24, "18.2 s"),
        (99.94, "99.9 s"),
        (99.96, "1 min 40 s"),
        (3599.6, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations_are_spelt_in_two_units_at_most(seconds: float, text: str) -> None:
    """Neither a rounding nor a boundary gives a text like 100.0 s or 60 s."""
    assert spell_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (12_000, "12 KB"), (84_400_000, "84 MB"), (999_600, "1.0 MB"),
     (9_960, "10 KB"), (3_200_000_000_000, "3.2 TB")],
)  # fmt: skip
def test_sizes_have_one_to_three_digits_before_the_point(size: int, text: str) -> None:
    """Sizes are decimal; a rounding that needs a fourth digit takes the next unit."""
    assert spell_size(size) == text


def test_ages_are_spelt_in_their_largest_unit() -> None:
    """Two hours and a half ago is two hours ago; a clock that runs ahead does not give a negative age."""
    assert [spell_age(seconds) for seconds in (-5, 0.5, 59, 60, 9_000, 200_000)] == [
        "now", "now", "59 s", "1 min", "2 h", "2 d",
    ]  # fmt: skip


def test_things_are_counted_in_english() -> None:
    """One entry, two entries, no entries."""
    assert [count(number, noun) for number, noun in ((1, "entry"), (2, "entry"), (0, "stage"))] == [
        "1 entry", "2 entries", "0 stages",
    ]  # fmt: skip


def test_lines_of_a_run_look_as_designed() -> None:
    """The example of the design page, to the character."""
    lines = [
        draw_outcome(
            outcome("ran", seconds=18.2, manifest=stored(84_000_000)),
            "helper scale changed (utils.py:12)",
            names=NAMES,
        ),
        draw_outcome(outcome("kept", "pipeline.report", saved=0.4), "clean gave the same result", names=NAMES),
        draw_outcome(outcome("hit", "pipeline.report", saved=18.0), "", names=NAMES),
        draw_outcome(outcome("ran", seconds=0.4, stored=False), "first run", names=NAMES),
    ]

    assert lines == [
        "▶ clean    ran   helper scale changed (utils.py:12)   18.2 s → 84 MB parquet",
        "◌ report   kept  clean gave the same result           saved 0.4 s",
        "● report   hit                                        saved 18.0 s",
        "▶ clean    ran   first run                             0.4 s, not stored",
    ]


def test_a_stage_that_is_never_stored_says_so_once() -> None:
    """What is not stored by declaration is a reason, not a mishap."""
    line = draw_outcome(outcome("ran", seconds=0.4, stored=False), "not stored", names=NAMES)

    assert line == f"▶ clean    ran   {'not stored':<34}    0.4 s"


def test_a_failed_stage_has_its_line_in_red() -> None:
    """The whole line, so that it is found among hundreds."""
    painted: list[tuple[str, str]] = []

    def paint(text: str, colour: str) -> str:
        painted.append((text, colour))
        return text

    draw_outcome(outcome("failed", seconds=0.3), "ValueError: no", names=NAMES, paint=paint)

    assert painted == [("✗ clean    failed  ValueError: no   0.3 s", "red")]


def test_a_stage_that_nobody_expected_has_its_whole_name() -> None:
    """A stage called through getattr is in no graph; its line is drawn all the same."""
    assert "other.thing" in draw_outcome(outcome("hit", "other.thing"), "", names=NAMES)


def test_the_summary_counts_outcomes_and_tells_whorls_share() -> None:
    """Failures first, and only what happened."""
    some = [outcome("ran"), outcome("hit"), outcome("ran")]

    assert draw_summary(some, seconds=18.6, inside=0.05, store=".whorl (local only)") == (
        "✓ 2 ran, 1 hit · 18.6 s, 50 ms of it in whorl · store .whorl (local only)"
    )
    assert draw_summary([*some, outcome("failed")], seconds=1, inside=0, store="x").startswith("✗ 1 failed, 2 ran")


def test_lines_of_a_status_look_as_designed() -> None:
    """The example of the design page, to the character."""
    statuses = (
        Status("pipeline.clean", "stale", "raw/data: 1 of 12 files changed (2024.csv)"),
        Status("pipeline.report", "waiting", "clean"),
    )

    assert list(draw_statuses(statuses, target="pipeline.py:report")) == [
        "clean    stale    raw/data: 1 of 12 files changed (2024.csv)",
        "report   waiting  clean",
        "1 stale, 1 waiting, 0 fresh · run: whorl run pipeline.py:report",
    ]


def test_a_status_without_work_promises_no_command() -> None:
    """There is nothing to run where all is fresh, or where no target was named."""
    fresh = (Status("a.b", "fresh"), Status("a.c", "uncached", "not stored"))

    assert not needs_run(fresh)
    assert list(draw_statuses(fresh, target="a.py"))[-1] == "0 stale, 0 waiting, 1 fresh, 1 uncached"
    assert list(draw_statuses((Status("a.b", "stale"),)))[-1] == "1 stale, 0 waiting, 0 fresh"


def test_two_stages_of_one_name_are_told_apart() -> None:
    """Short names serve as long as they are unique."""
    lines = list(draw_statuses((Status("a.clean", "fresh"), Status("b.clean", "fresh"), Status("b.end", "fresh"))))

    assert [line.split()[0] for line in lines[:3]] == ["a.clean", "b.clean", "end"]


def test_a_plan_says_that_nothing_was_run() -> None:
    """What is certain, what depends on results, and what is there."""
    statuses = (Status("a.read", "hit"), Status("a.clean", "run", "first run"), Status("a.end", "may run", "clean"))

    assert list(draw_plan(statuses)) == [
        "● read    hit",
        "▶ clean   run      first run",
        "▷ end     may run  clean",
        "1 would run, 1 may run, 1 would be a hit · nothing was run",
    ]


def test_entries_are_listed_by_stage_newest_first_with_totals() -> None:
    """A payload that two entries share is counted once."""
    old = replace(manifest(slot("one")), created=100.0, seconds_computing=2.0)
    new = replace(manifest(slot("two")), created=160.0, seconds_computing=2.0, payload=old.payload)
    other = replace(manifest(slot("three", "pipeline.a")), created=50.0, seconds_computing=1.0, payload="b" * 32)
    lines = list(draw_entries(sort_entries([old, other, new]), now=220.0, paint=leave_plain))

    assert [line.split()[0] for line in lines[1:4]] == ["pipeline.a", "pipeline.clean", "pipeline.clean"]
    assert [line.split()[2:4] for line in lines[2:4]] == [["1", "min"], ["2", "min"]]
    assert lines[4].startswith("3 entries of 2 stages, ")
    assert lines[4].endswith("computed in 3.0 s")
    assert word_totals([]) == "0 entries of 0 stages, 0 B, computed in 0 ms"


def test_marks_have_ascii_forms() -> None:
    """Where an encoding lacks a mark another stands in, and a line never fails to be shown."""
    line = "".join(MARKS.values()) + " → · é ♥"

    assert fit(line, "utf-8") == line
    assert fit(line, "ascii") == ">*=x>>+ -> - ? ?"
    assert fit("é → x", "latin-1") == "é -> x"
    assert fit("→", "no such encoding") == "->"
    assert fit("\udcff", "utf-8") == "?"


def test_every_mark_and_state_has_a_colour() -> None:
    """A new kind of outcome cannot be forgotten."""
    assert set(MARKS) | {"fresh", "stale", "waiting", "uncached", "called"} <= set(COLOURS)


def test_errors_have_message_cause_and_tip() -> None:
    """Empty parts are left out, a place goes before the message."""
    assert draw_error(ConfigError("no", "why", "do"), place="a.py:3") == ["error: a.py:3: no", "cause: why", "tip: do"]
    assert draw_error(ConfigError("no")) == ["error: no"]


def raised(error: Exception) -> Exception:
    """Give an exception a traceback and a cause."""
    try:
        try:
            json.loads("{")
        except ValueError as cause:
            raise error from cause
    except type(error) as caught:
        return caught
    raise AssertionError


def test_a_traceback_shows_causes_and_what_the_user_called() -> None:
    """Frames of libraries that the user called stay, for the fault may be in how they were called."""
    text = draw_traceback(raised(KeyError("x")))

    assert "direct cause" in text
    assert "json.loads" in text
    assert "decoder.py" in text


def test_a_traceback_has_no_frames_of_whorl() -> None:
    """The steps of whorl between two functions of the user say nothing about the user's fault."""
    from whorl import stage

    @stage
    def bad() -> None:
        raise ValueError("no\nluck")

    with pytest.raises(ValueError, match="no") as caught:
        bad()
    text = draw_traceback(caught.value)

    assert "engine.py" not in text
    assert "raised in the stage" not in text
    assert 'raise ValueError("no' in text
    assert word_exception(caught.value) == "ValueError: no"
    assert "test_report.py:" in find_place(caught.value)


def test_a_fault_of_whorl_is_shown_whole() -> None:
    """Without any line of the user there is nothing to leave out."""
    error = ValueError("inside")

    assert "inside" in draw_traceback(error)
    assert find_place(error) == ""
    assert word_exception(ValueError()) == "ValueError"


def test_plain_data_can_be_written_as_json() -> None:
    """Digests are hex, and every difference is there."""
    old, new = RawFile("raw/x", "a.csv", 1, digest("a")), RawFile("raw/x", "a.csv", 2, digest("b"))
    changes = (
        Change("raw/x", "raw/x: a.csv changed", (FileChange("a.csv", old, new), FileChange("b.csv", None, new))),
        Change("code", "code changed", (), (Difference("code", "a.py:1", "changed", "1", "2"),)),
    )
    explanation = Explanation("a.b", manifest(), changes)
    ran = outcome_data(outcome("ran", manifest=manifest()), "why", explanation)
    data = json.loads(json.dumps([ran, status_data(Status("a.b", "stale", "why", explanation)), entry_data(stored(7))]))

    assert data[0]["outcome"] == "ran"
    assert data[0]["changes"][0]["files"][1] == {
        "name": "b.csv",
        "old": None,
        "new": {"size": 2, "digest": digest("b").hex()},
    }
    assert data[1]["changes"][1]["code"][0]["part"] == "code"
    assert data[1]["compared_with"] == manifest().slot.key.hex()
    assert data[2]["files"][0][2] == digest("data").hex()
    assert changes_data(None) == []
