"""
Summarise delays: a table of departures in, one row per group out.
"""

import numpy as np
import pandas as pd

HEAVY_RAIN = 2.5  # mm in an hour, as meteorologists have it
STRONG_WIND = 39  # km/h, Beaufort 6
FOG = 1.0  # km of sight
FEWEST_FLIGHTS = 100  # a year; a mean of fewer says little


def summary(departures: pd.DataFrame, by: str | pd.Series, late_after: int) -> pd.DataFrame:
    """Count the flights of each group, with their mean delays and the share that left late (in minutes)."""
    late = departures["dep_delay"] > late_after
    groups = departures.assign(late=late).groupby(by, sort=True)
    return groups.agg(
        flights=("late", "size"),
        departure=("dep_delay", "mean"),
        arrival=("arr_delay", "mean"),
        late=("late", "mean"),
    ).reset_index()


def kind_of_weather(departures: pd.DataFrame) -> pd.Series:
    """Name the weather at the planned hour; of several names, the worst counts."""
    rain, frost = departures["rain"], departures["celsius"] < 0
    names = {
        "snow": (rain > 0) & frost,
        "heavy rain": rain >= HEAVY_RAIN,
        "rain": rain > 0,
        "fog": departures["sight"] < FOG,
        "strong wind": departures["wind"] >= STRONG_WIND,
    }
    kinds = np.select(list(names.values()), list(names), default="fair")
    return pd.Series(kinds, index=departures.index, name="weather")


def frequent(groups: pd.DataFrame) -> pd.DataFrame:
    """Leave out the groups of few flights."""
    return groups[groups["flights"] >= FEWEST_FLIGHTS].reset_index(drop=True)
