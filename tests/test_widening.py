"""Windows as manifests record them: what they cover, what both of two make, and what others may have written."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whorl.widening import Extent, covers, read_window, record_window, widest

ends = st.one_of(
    st.none(),
    st.dates(dt.date(2019, 1, 1), dt.date(2021, 1, 1)),
    st.datetimes(pd.Timestamp("2019"), pd.Timestamp("2021")),
    st.sampled_from(["2020", "2020-02", "2020-02-03", "2020-02-03 12:00"]),
    st.dates(dt.date(2019, 1, 1), dt.date(2021, 1, 1)).map(pd.Timestamp),
    st.dates(dt.date(2019, 1, 1), dt.date(2021, 1, 1)).map(np.datetime64),
)


@settings(deadline=None)
@given(ends, ends, ends, ends)
def test_the_widest_window_is_that_of_both_or_that_of_the_call(start: Any, end: Any, start2: Any, end2: Any) -> None:
    """Its ends are theirs, and of the types of one of them; what is recorded reads as it was."""
    recorded, asked = record_window((start, end)), Extent.of((start2, end2))
    known = read_window(recorded)
    wide = widest(recorded, (start2, end2))

    assert known is not None
    assert known.ends == (start, end)
    assert covers(record_window(wide), asked)
    assert wide[0] in (start, start2)
    assert wide[1] in (end, end2)
    assert tuple(map(type, wide)) in (tuple(map(type, (start, end))), tuple(map(type, (start2, end2))))
    if wide != (start2, end2):
        assert covers(record_window(wide), known)
    if covers(recorded, asked):
        assert wide == (start, end)


@pytest.mark.parametrize(
    "recorded",
    [
        None, "", "[]", "7", "{}", "[" * 60_000, '["2020", null]', '{"means": [null, null]}',
        '{"means": [null, null, true]}', '{"means": [[1, 2], null, true], "words": ["a", "b"]}',
        '{"means": [[1.5, true], null, true], "words": ["a", "b"]}', '{"means": 7, "words": ["a", "b"]}',
        '{"means": ["ab", null, true], "words": ["a", "b"]}', '{"means": [[true, true], null, true], "words": [1, 2]}',
    ],
)  # fmt: skip
def test_what_is_no_window_covers_nothing(recorded: str | None) -> None:
    """Somebody else wrote the record, or no window was known then."""
    assert not covers(recorded, Extent.of((None, None)))
    assert widest(recorded, ("2020", "2021")) == ("2020", "2021")


@pytest.mark.parametrize(
    "ends",
    [
        '[]', '7', '["soon", null]', '[{"$": "x", "v": 1}, null]', '[{"$": "numpy", "v": ["i8", ""]}, null]', "[7]",
        '[{"$": "pandas.Timestamp", "v": [1]}, 7]', '[{"$": "ZoneInfo", "v": 7}, 7]', '[{"$": "pytz", "v": "x"}, 1]',
        '["2020-01-02", "2020-12-31"]',
    ],
)  # fmt: skip
def test_ends_that_cannot_be_read_widen_nothing(ends: str) -> None:
    """They are only handed on; what the window means stands beside them."""
    recorded = record_window(("2020-01-01", "2020-12-31")).replace('["2020-01-01", "2020-12-31"], "m', f'{ends}, "m')

    assert f'"ends": {ends}' in recorded
    assert covers(recorded, Extent.of(("2020-02", "2020-02")))
    assert widest(recorded, ("2020-02-01", "2021-01-01")) == ("2020-02-01", "2021-01-01")


@pytest.mark.parametrize("zone", ["America", "", "..", "/etc", "x" * 5000, "zone.tab", "posixrules/x", "no\\u0000ne"])
@pytest.mark.parametrize("kind", [dt.datetime, pd.Timestamp])
def test_a_zone_that_is_none_widens_nothing(zone: str, kind: Any) -> None:
    """Whoever wrote the record may name a folder, or what no file system takes."""
    start = kind(2020, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    recorded = record_window((start, None)).replace('"Europe/Berlin"', f'"{zone}"')
    asked = dt.datetime(2020, 1, 5, tzinfo=dt.UTC), dt.datetime(2020, 1, 6, tzinfo=dt.UTC)
    found = read_window(recorded)

    assert f'"{zone}"' in recorded
    assert found is not None
    assert found.ends is None
    assert covers(recorded, Extent.of(asked))
    assert widest(recorded, asked) is asked


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        (("2020-01", "2020-03"), ("2020-02-10", "2020-04-05")),
        (("2020-01-01T00:00+01:00", "2020-02-01T00:00+01:00"), ("2020-01-05T00:00+02:00", "2020-03-01T00:00+02:00")),
        (
            (np.datetime64("2020-01", "M"), np.datetime64("2020-02", "M")),
            (np.datetime64("2020-01-05"), np.datetime64("2020-02-05")),
        ),
        ((None, dt.date(2020, 1, 5)), (pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-09"))),
        ((None, "2020-01-05"), ("2020-01-02", None)),
        (("2020-01-01", "2020-01-05"), (np.str_("2020-01-02"), np.str_("2020-01-09"))),
    ],
)
def test_windows_of_other_shapes_are_not_joined(recorded: Any, asked: Any) -> None:
    """Code can tell months from days, units and offsets, and open ends from given ones."""
    assert widest(record_window(recorded), asked) is asked


def test_zones_and_no_zones_do_not_compare() -> None:
    """Which of them is wider depends on the data: the window that is asked for is computed."""
    recorded = record_window(("2020-01-01T00:00+00:00", None))

    assert not covers(recorded, Extent.of(("2020-05", None)))
    assert widest(recorded, ("2020-05", None)) == ("2020-05", None)
    assert covers(recorded, Extent.of(("2020-05-01T00:00+02:00", None)))


def test_a_text_that_means_another_moment_by_now_hands_on_nothing() -> None:
    """An hour alone is of the day on which it is read; what was computed is known by its moments."""
    recorded = record_window(("2020-01-01T00:00Z", "2020-01-05T00:00Z"))
    of_today = recorded.replace('"2020-01-01T00:00Z", "2020-01-05T00:00Z"], "means"', '"10:00Z", "11:00Z"], "means"')

    assert of_today != recorded
    assert covers(of_today, Extent.of(("2020-01-02T00:00Z", "2020-01-03T00:00Z")))
    assert widest(of_today, ("2020-01-04T00:00Z", "2020-01-09T00:00Z"))[0] == "2020-01-04T00:00Z"
    assert widest(recorded, ("2020-01-04T00:00Z", "2020-01-09T00:00Z"))[0] == "2020-01-01T00:00Z"
