"""Where late flights go."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.problems.base import Picture

from .rates import ENOUGH, known_flights, late_by, overall, percent, rate

NAMED = 12


def _by_destination(frames: Mapping[str, DataFrame]) -> DataFrame:
    """Every airport, flown to or not: together they draw the country."""
    late = late_by(known_flights(frames), "dest")
    airports = frames["airport"].select(F.col("faa").alias("dest"), "lat", "lon")
    return airports.join(late, "dest", "full")


def _flown(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["flights"].fillna(0) > 0].astype({"flights": int, "late": int})


def _draw(figure: Any, rows: pd.DataFrame) -> None:
    axes = figure.subplots()
    flown = _flown(rows).dropna(subset=["lat", "lon"]).sort_values(["flights", "dest"], ascending=[False, True])
    if flown.empty:
        return
    edges = [flown["lon"].min() - 3, flown["lon"].max() + 3, flown["lat"].min() - 2, flown["lat"].max() + 2]
    near = rows[rows["lon"].between(*edges[:2]) & rows["lat"].between(*edges[2:])]
    axes.plot(near["lon"], near["lat"], linestyle="none", marker=".", markersize=2, color="C4", alpha=0.35)
    top = np.quantile(rate(flown), 0.95)
    size = 400 * flown["flights"] / flown["flights"].max() + 14
    dots = axes.scatter(flown["lon"], flown["lat"], s=size, c=rate(flown), vmin=0, vmax=top, linewidth=0.8)
    for name, lon, lat in flown[["dest", "lon", "lat"]].head(NAMED).itertuples(index=False):
        axes.annotate(name, (lon, lat), ha="center", va="center", fontsize=7, color="#40220f")
    axes.set(xlim=edges[:2], ylim=edges[2:], xticks=[], yticks=[])
    axes.set_aspect(1 / np.cos(np.radians(np.mean(edges[2:]))))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(dots, ax=axes, format=lambda value, _: percent(value), shrink=0.7, extend="max")
    bar.outline.set_visible(False)


def _say(rows: pd.DataFrame) -> str:
    flown = _flown(rows)
    if flown.empty:
        return "No flight's outcome is known."
    many = flown[flown["flights"] >= min(ENOUGH, flown["flights"].max())]
    low, high = many.loc[rate(many).idxmin()], many.loc[rate(many).idxmax()]
    lost = flown[flown["lat"].isna() | flown["lon"].isna()]
    off = f" Not on the map, for want of coordinates: {', '.join(lost['dest'])}." if len(lost) else ""
    return (
        f"{len(flown)} destinations; of those with {ENOUGH} flights or more, {low['dest']} is best "
        f"({percent(low['late'] / low['flights'])} late) and {high['dest']} worst "
        f"({percent(high['late'] / high['flights'])}), all together {percent(overall(flown))}.{off}"
    )


DESTINATIONS = Picture(
    title="Late flights by destination",
    question="Where do late flights go? Size: flights. Colour: share late. Grey: all airports.",
    table=_by_destination,
    draw=_draw,
    finding=_say,
    size=(12.8, 5.2),
)
