"""Late flights by carrier."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame

from podium.domains.base import Picture
from podium.domains.flights.outcomes import outcomes

from .rates import extremes, in_percent, late_by, overall, percent, rate

NAME_LENGTH = 28


def _by_carrier(frames: Mapping[str, DataFrame]) -> DataFrame:
    return late_by(outcomes(frames, of_two="newest"), "carrier").join(
        frames["airline"].select("carrier", "name"), "carrier", "left"
    )


def _names(rows: pd.DataFrame) -> pd.Series:
    return rows["name"].fillna(rows["carrier"]).str.slice(0, NAME_LENGTH)


def _draw(figure: Any, rows: pd.DataFrame) -> None:
    rows = rows.assign(rate=rate(rows)).sort_values(["rate", "carrier"])
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    y = np.arange(len(rows))
    # Two standard errors: by chance alone, a rate may differ this much from the carrier's true rate.
    error = 2 * np.sqrt(rows["rate"] * (1 - rows["rate"]) / rows["flights"])
    left.barh(y, rows["rate"], color="C0")
    left.errorbar(rows["rate"], y, xerr=error, fmt="none", color="C4", elinewidth=1.5)
    left.axvline(overall(rows), color="C1", linewidth=1.2, linestyle="--")
    left.set_yticks(y, _names(rows), fontsize=9)
    left.set_title("late (dashed: all flights)", loc="left")
    in_percent(left.xaxis)
    right.barh(y, rows["flights"], color="C4")
    for at, flights in zip(y, rows["flights"], strict=True):
        right.annotate(f"{flights:,}", (flights, at), (3, 0), textcoords="offset points", va="center", fontsize=8)
    right.set_xlim(0, rows["flights"].max() * 1.25)
    right.set_title("flights", loc="left")
    right.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:.0f}k" if value else "0")
    for axes in (left, right):
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)


def _say(rows: pd.DataFrame) -> str:
    (best, low), (worst, high) = extremes(rows)
    names, biggest = _names(rows), rows["flights"].idxmax()
    return (
        f"From {low} ({names[best]}) to {high} ({names[worst]}); the largest, {names[biggest]}, with "
        f"{rows['flights'][biggest]:,} flights, is at {percent(rate(rows)[biggest])}."
    )


CARRIERS = Picture(
    title="Late flights by carrier",
    question="Which carriers are late more often? Thin lines: two standard errors.",
    table=_by_carrier,
    draw=_draw,
    finding=_say,
    size=(6.4, 4.4),
)
