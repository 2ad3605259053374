"""Late flights by destination."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Picture

from .rates import ENOUGH, extremes, known_flights, late_by, overall, percent, rate

# The map shows the US mainland. The text below it lists the other destinations.
WEST, EAST, SOUTH, NORTH = -125.5, -66.0, 24.0, 50.0
NAMED = 18
# Start the colour scale below the lowest rates, so that every dot stands out from the page.
PALEST = 0.6


def _by_destination(frames: Mapping[str, DataFrame]) -> DataFrame:
    """Return every airport, with or without flights, because all of them together outline the country."""
    late = late_by(known_flights(frames), "dest")
    airports = frames["airport"].select(F.col("faa").alias("dest"), "lat", "lon")
    return airports.join(late, "dest", "full")


def _flown(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["flights"].fillna(0) > 0].astype({"flights": int, "late": int})


def _on_map(rows: pd.DataFrame) -> pd.Series:
    return rows["lon"].between(WEST, EAST) & rows["lat"].between(SOUTH, NORTH)


def _draw(figure: Any, rows: pd.DataFrame) -> None:
    near = rows[_on_map(rows)]
    flown = _flown(near).sort_values(["flights", "dest"], ascending=[False, True])
    if flown.empty:
        return
    axes = figure.subplots()
    axes.plot(near["lon"], near["lat"], linestyle="none", marker=".", markersize=2, color="C4", alpha=0.4, zorder=0)
    low, high = np.quantile(rate(flown), [0.05, 0.95])
    size = 500 * flown["flights"] / flown["flights"].max() + 20
    colours = {"c": rate(flown), "vmin": low * PALEST, "vmax": high}
    dots = axes.scatter(flown["lon"], flown["lat"], s=size, edgecolors="C4", linewidth=0.6, **colours)
    for name, lon, lat in _apart(flown.head(NAMED)):
        axes.annotate(name, (lon, lat), (9, 6), textcoords="offset points", fontsize=9)
    axes.set(xlim=(WEST, EAST), ylim=(SOUTH, NORTH), xticks=[], yticks=[])
    axes.set_aspect(1 / np.cos(np.radians((SOUTH + NORTH) / 2)))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(dots, ax=axes, format=lambda value, _: percent(value), shrink=0.7, extend="both")
    bar.outline.set_visible(False)


def _apart(rows: pd.DataFrame) -> list[tuple[str, float, float]]:
    """Select the airports whose labels do not overlap the label of a busier one."""
    named: list[tuple[str, float, float]] = []
    for name, lon, lat in rows[["dest", "lon", "lat"]].itertuples(index=False):
        if all(abs(lon - x) > 2.5 or abs(lat - y) > 0.8 for _, x, y in named):
            named.append((name, lon, lat))
    return named


def _say(rows: pd.DataFrame) -> str:
    flown = _flown(rows)
    if flown.empty:
        return "No flight's outcome is known."
    (best, low), (worst, high) = extremes(flown.set_index("dest"))
    beyond = flown.loc[~_on_map(flown), "dest"]
    off = f" Beyond the map, or without coordinates: {', '.join(beyond)}." if len(beyond) else ""
    return (
        f"{len(flown)} destinations; of those with {ENOUGH} flights or more, {best} is best ({low} late) and {worst} "
        f"worst ({high}), all together {percent(overall(flown))}.{off}"
    )


DESTINATIONS = Picture(
    title="Late flights by destination",
    question="Which destinations have late flights? Size: flights. Colour: share late. Grey: all airports.",
    table=_by_destination,
    draw=_draw,
    finding=_say,
    size=(12.8, 6.2),
)
