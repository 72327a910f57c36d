"""
Clean the raw tables: text, American units and typing errors in; typed, metric columns out.

These are plain functions of pandas.  Nothing here knows of whorl, and yet every line counts: whorl follows the stages
of ``pipeline.py`` into this module, down to the constants.
"""

import pandas as pd

STRONGEST_WIND = 100  # mph; one hour of the record says 1048
EARLIEST_FLIGHT = 5  # o'clock; what was planned for the hours before is a ferry flight


def flights(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the flights that left and arrived, with the hour of the plan in UTC."""
    flown = table.dropna(subset=["dep_delay", "arr_delay"])
    planned = flown[flown["hour"] >= EARLIEST_FLIGHT]
    columns = ["carrier", "tailnum", "origin", "dest", "hour", "dep_delay", "arr_delay"]
    return planned[columns].assign(time=utc(planned["time_hour"])).reset_index(drop=True)


def weather(table: pd.DataFrame) -> pd.DataFrame:
    """Keep one row per airport and hour, in degrees Celsius, kilometres and millimetres."""
    credible = table[table["wind_speed"] <= STRONGEST_WIND]
    hours = pd.DataFrame(
        {
            "origin": credible["origin"],
            "time": utc(credible["time_hour"]),
            "celsius": (credible["temp"] - 32) / 1.8,
            "wind": kilometres(credible["wind_speed"]),
            "sight": kilometres(credible["visib"]),
            "rain": credible["precip"] * 25.4,
        }
    )
    return hours.drop_duplicates(["origin", "time"]).reset_index(drop=True)


def planes(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the year in which a plane was built, and its seats."""
    known = table.dropna(subset=["year"])
    return known[["tailnum", "seats"]].assign(built=known["year"].astype("int64")).reset_index(drop=True)


def utc(text: pd.Series) -> pd.Series:
    """Read ISO times such as ``2013-01-01T10:00:00Z``."""
    return pd.to_datetime(text, utc=True)


def kilometres(miles: pd.Series) -> pd.Series:
    """Convert statute miles."""
    return miles * 1.609344
