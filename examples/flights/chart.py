"""
Draw the picture: four tables in, the bytes of one PNG out.

The same tables give the same bytes on every run: no window system, no clock, no name of the software.
"""

from io import BytesIO

import pandas as pd

INK = "#30507a"


def draw(ranking: pd.DataFrame, hours: pd.DataFrame, weather: pd.DataFrame, destinations: pd.DataFrame) -> bytes:
    """Draw airlines, hours, kinds of weather and a map of the destinations."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 9), layout="constrained")
    figure.suptitle("Who leaves New York late? Mean delays of 2013, in minutes")
    airlines, day, sky, country = figure.subplots(2, 2).flat
    bars(airlines, ranking["airline"], ranking["departure"], "departure, by airline")
    bars(sky, weather["weather"], weather["departure"], "departure, by weather")
    day.plot(hours["hour"], hours["departure"], color=INK, marker="o")
    day.set(title="departure, by hour of the day", xlabel="planned hour")
    dots = country.scatter(
        destinations["lon"], destinations["lat"], c=destinations["arrival"], s=destinations["flights"] / 100
    )
    country.set(title="arrival, by destination", xlabel="longitude", ylabel="latitude")
    figure.colorbar(dots, ax=country)
    picture = BytesIO()
    FigureCanvasAgg(figure).print_png(picture, metadata={"Software": None})
    return picture.getvalue()


def bars(axes, names: pd.Series, values: pd.Series, title: str) -> None:
    """Draw one bar per name, the longest on top."""
    order = values.argsort()
    axes.barh(names.iloc[order], values.iloc[order], color=INK)
    axes.set(title=title)
