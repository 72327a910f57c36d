"""
How late would flights leave New York in a stronger wind?  A year's weather and flights in, delays by airport out.

What was measured is one scenario, the same year with other winds are others.  Nothing here knows which there are: a
namespace given at the call (see compare.py) is that of everything that the call reaches.
"""

import pandas as pd

from whorl import Glob, cache, stage

STRONGEST_WIND = 100  # mph; one hour of the record says 1048
CLASS = 10  # km/h: flights are compared with others in wind of the same class
HIGHEST_CLASS = 6  # from 60 km/h on, too few hours are left to tell them apart


@stage(table="raw/weather.csv", cache=True, namespace="measured")
def weather(table: str) -> pd.DataFrame:
    """Read the wind at the three airports, in km/h.  No scenario changes it, so it stays in a namespace of its own."""
    hours = pd.read_csv(table)[["origin", "time_hour", "wind_speed"]]
    credible = hours[hours["wind_speed"] <= STRONGEST_WIND]
    wind = credible["wind_speed"] * 1.609344
    return credible[["origin", "time_hour"]].assign(wind=wind).drop_duplicates(["origin", "time_hour"])


@stage(tables=Glob("raw/flights-*.csv"), cache=True, namespace="measured")
def flights(tables: list[str]) -> pd.DataFrame:
    """Read which flights left, and how late."""
    columns = ["origin", "time_hour", "dep_delay"]
    return pd.concat([pd.read_csv(table)[columns].dropna() for table in tables], ignore_index=True)


@stage(weather=weather, flights=flights, cache=True)
def response(weather: pd.DataFrame, flights: pd.DataFrame) -> pd.DataFrame:
    """Learn how late flights leave in each class of wind."""
    left = flights.merge(classed(weather), on=["origin", "time_hour"])
    return left.groupby("class", as_index=False)["dep_delay"].mean().rename(columns={"dep_delay": "delay"})


@cache()
def forced(wind_factor: float) -> pd.DataFrame:
    """Give the weather of a scenario: each hour's wind, stronger or weaker by a factor."""
    measured = weather()
    return measured.assign(wind=measured["wind"] * wind_factor)


@stage(response=response, flights=flights, cache=True)
def outlook(response: pd.DataFrame, flights: pd.DataFrame, wind_factor: float = 1.0) -> pd.DataFrame:
    """Expect of each flight the delay that goes with the scenario's wind, and take the mean of each airport."""
    left = flights[["origin", "time_hour"]].merge(classed(forced(wind_factor)), on=["origin", "time_hour"])
    return left.merge(response, on="class").groupby("origin", as_index=False)["delay"].mean()


def classed(weather: pd.DataFrame) -> pd.DataFrame:
    """Add the class of the wind."""
    return weather.assign(**{"class": (weather["wind"] // CLASS).clip(upper=HIGHEST_CLASS)})
