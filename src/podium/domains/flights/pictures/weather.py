"""Late flights by weather."""

from collections.abc import Mapping
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Picture
from podium.domains.flights.outcomes import outcomes

from .rates import extremes, in_percent, late_by, percent, rate


class Measure(NamedTuple):
    """An observed quantity: its name and unit, the edges between its bins, and the names of the bins."""

    words: str
    unit: str
    edges: tuple[float, ...]
    bins: tuple[str, ...]


MEASURES = {
    "visib": Measure("visibility", "miles", (1, 3, 6, 10), ("< 1", "1-3", "3-6", "6-10", "10")),
    "wind_speed": Measure("wind", "mph", (5, 10, 15, 20, 25), ("< 5", "5-10", "10-15", "15-20", "20-25", "25+")),
    "precip": Measure("rain or snow", "inches an hour", (0.005, 0.05, 0.15), ("none", "< 0.05", "0.05-0.15", "0.15+")),
}


def _bin(name: str) -> Column:
    """The index of the bin that a value is in; null for a missing value."""
    edges = MEASURES[name].edges
    return reduce(add, [(F.col(name) >= edge).cast("int") for edge in edges])


def _by_weather(frames: Mapping[str, DataFrame]) -> DataFrame:
    flights = outcomes(frames, of_two="newest").select(
        "origin", F.date_trunc("hour", "scheduled_departure").alias("observed_at"), "late"
    )
    observed = frames["weather"].select("origin", "observed_at", *MEASURES)
    kinds = F.array(*[F.struct(F.lit(name).alias("measure"), _bin(name).alias("bin")) for name in MEASURES])
    binned = observed.select("origin", "observed_at", F.explode(kinds).alias("kind"))
    binned = binned.select("origin", "observed_at", "kind.measure", "kind.bin").filter(F.col("bin").isNotNull())
    return late_by(flights.join(binned, ["origin", "observed_at"]), "measure", "bin")


def _draw(figure: Any, rows: pd.DataFrame) -> None:
    panels = figure.subplots(1, len(MEASURES), sharey=True, width_ratios=[len(m.bins) for m in MEASURES.values()])
    for axes, (name, measure) in zip(panels, MEASURES.items(), strict=True):
        found = rows[rows["measure"] == name]
        axes.bar(found["bin"], rate(found), color="C0", width=0.72)
        for at, share, flights in zip(found["bin"], rate(found), found["flights"], strict=True):
            text = f"{percent(share)}\n({flights:,})"
            axes.annotate(text, (at, share), (0, 3), textcoords="offset points", ha="center", fontsize=8)
        axes.set_xticks(range(len(measure.bins)), measure.bins)
        axes.set_title(f"{measure.words} ({measure.unit})", loc="left")
        axes.grid(visible=False, axis="x")
    panels[0].set_ylim(0, rate(rows).max() * 1.2 + 0.01)
    in_percent(panels[0].yaxis)


def _say(rows: pd.DataFrame) -> str:
    ranges = []
    for name, measure in MEASURES.items():
        found = rows[rows["measure"] == name]
        if not found.empty:
            (best, low), (worst, high) = extremes(found.set_index("bin"))
            span = f"from {low} at {measure.bins[best]} to {high} at {measure.bins[worst]}"
            ranges.append(f"{measure.words} ({measure.unit}) {span}")
    return "The late rate varies by " + ", by ".join(ranges) + "."


WEATHER = Picture(
    title="Late flights by the weather at departure",
    question="How do visibility, wind and rain in the hour of departure matter? In brackets: flights.",
    table=_by_weather,
    draw=_draw,
    finding=_say,
    size=(12.8, 3.3),
)
