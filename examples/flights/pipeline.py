"""
Which airline leaves New York late, and why?  Twelve monthly files and four tables in; a ranking and a picture out.

    python prepare.py                       writes raw/, once
    python pipeline.py                      shows the ranking
    whorl run pipeline.py:picture           runs what the picture needs
    whorl run pipeline.py:by_carrier -a late_after=60

Run a line twice, and the second time nothing runs.  Edit anything (a constant in clean.py, one month's file, a comment)
and exactly the stages run again whose results could be different.
"""

import chart
import clean
import delays
import pandas as pd

from whorl import Glob, stage


@stage(table="raw/flights-2013-01.csv", cache=True)
def month(table: str) -> pd.DataFrame:
    """Read one month's flights.  A file of its own, an entry of its own: a changed month is read again, alone."""
    return clean.flights(pd.read_csv(table))


@stage(tables=Glob("raw/flights-*.csv"), cache=True)
def flights(tables: list[str]) -> pd.DataFrame:
    """Put the year together.  A stage called inside another is tracked too, with whatever file it is given."""
    return pd.concat([month(table=table) for table in tables], ignore_index=True)


@stage(table="raw/weather.csv", cache=True)
def weather(table: str) -> pd.DataFrame:
    """Read the weather at the three airports, hour by hour."""
    return clean.weather(pd.read_csv(table))


@stage(table="raw/planes.csv", cache=True)
def planes(table: str) -> pd.DataFrame:
    """Read the planes, by tail number."""
    return clean.planes(pd.read_csv(table))


@stage(flights=flights, weather=weather, planes=planes, cache=True)
def departures(flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """Give each flight the weather it left in and the plane that flew."""
    with_weather = flights.merge(weather, on=["origin", "time"], how="left", validate="many_to_one")
    return with_weather.merge(planes, on="tailnum", how="left", validate="many_to_one")


@stage(departures=departures, cache=True)
def by_carrier(departures: pd.DataFrame, late_after: int = 15) -> pd.DataFrame:
    """Summarise delays and the fleet's age by carrier.  ``late_after`` (minutes) is a parameter, and counts too."""
    age = 2013 - departures.groupby("carrier")["built"].mean()
    return delays.summary(departures, "carrier", late_after).merge(age.rename("age").reset_index(), on="carrier")


@stage(departures=departures, cache=True)
def by_hour(departures: pd.DataFrame) -> pd.DataFrame:
    """Summarise delays by the planned hour of the day."""
    return delays.frequent(delays.summary(departures, "hour", late_after=15))


@stage(departures=departures, cache=True)
def by_weather(departures: pd.DataFrame) -> pd.DataFrame:
    """Summarise delays by kind of weather."""
    return delays.summary(departures, delays.kind_of_weather(departures), late_after=15)


@stage(departures=departures, airports="raw/airports.csv", cache=True)
def by_destination(departures: pd.DataFrame, airports: str) -> pd.DataFrame:
    """Summarise delays by destination, with its place."""
    places = pd.read_csv(airports)[["faa", "name", "lat", "lon"]].rename(columns={"faa": "dest"})
    return delays.frequent(delays.summary(departures, "dest", late_after=15)).merge(places, on="dest")


@stage(carriers=by_carrier, airlines="raw/airlines.csv", cache=True)
def ranking(carriers: pd.DataFrame, airlines: str) -> pd.DataFrame:
    """Name the airlines and put the latest first."""
    names = pd.read_csv(airlines).rename(columns={"name": "airline"})
    named = carriers.merge(names, on="carrier").sort_values("departure", ascending=False)
    return named[["airline", "flights", "departure", "arrival", "late", "age"]].reset_index(drop=True).round(2)


@stage(ranking=ranking, hours=by_hour, weather=by_weather, destinations=by_destination, cache=True)
def picture(ranking: pd.DataFrame, hours: pd.DataFrame, weather: pd.DataFrame, destinations: pd.DataFrame) -> bytes:
    """Draw all of it on one page, as a PNG."""
    return chart.draw(ranking, hours, weather, destinations)


if __name__ == "__main__":
    print(ranking().to_string(index=False))
