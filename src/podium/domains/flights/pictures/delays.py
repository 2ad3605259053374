"""The distribution of arrival delays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Picture
from podium.domains.flights.outcomes import LATE_MINUTES, outcomes

from .rates import percent

FIRST, LAST, STEP = -60, 180, 5


def _by_minute(frames: Mapping[str, DataFrame]) -> DataFrame:
    return outcomes(frames, of_two="newest").groupBy("arr_delay").agg(F.count("late").alias("flights"))


def _draw(figure: Any, rows: pd.DataFrame) -> None:
    axes = figure.subplots()
    arrived = rows.dropna(subset=["arr_delay"])
    edges = np.arange(FIRST, LAST + 2 * STEP, STEP)
    counts, _ = np.histogram(arrived["arr_delay"].clip(FIRST, LAST), bins=edges, weights=arrived["flights"])
    colours = np.where(edges[:-1] >= LATE_MINUTES, "C1", "C0")
    axes.bar(edges[:-1], counts, width=STEP, align="edge", color=colours, linewidth=0.5)
    axes.axvline(LATE_MINUTES, color="C4", linewidth=1.2, linestyle="--")
    note = f" counts as late from {LATE_MINUTES} minutes on"
    axes.annotate(note, (LATE_MINUTES, counts.max()), va="top", fontsize=9)
    axes.set_xticks(range(FIRST, LAST + 1, 30), [*range(FIRST, LAST, 30), f"{LAST}+"])
    axes.set_xlabel("minutes after scheduled arrival")
    axes.set_ylabel("flights")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(visible=False, axis="x")


def _say(rows: pd.DataFrame) -> str:
    total = rows["flights"].sum()
    arrived = rows.dropna(subset=["arr_delay"]).sort_values("arr_delay")
    if arrived.empty:
        return f"None of {total:,} flights arrived as planned."
    so_far = arrived["flights"].cumsum()
    median = int(arrived["arr_delay"][so_far * 2 >= so_far.iloc[-1]].iloc[0])
    middle = f"{abs(median)} minutes {'early' if median < 0 else 'late'}" if median else "on time"
    late, very = (arrived["flights"][arrived["arr_delay"] >= minutes].sum() for minutes in (LATE_MINUTES, 60))
    never = total - arrived["flights"].sum()
    return (
        f"The median flight arrives {middle}; {percent(late / total)} are {LATE_MINUTES} minutes late or more, "
        f"{percent(very / total)} an hour or more, and {never / total:.1%} never arrive as planned."
    )


DELAYS = Picture(
    title="How late flights arrive",
    question="How late are flights, and is the threshold of the label in a sensible place?",
    table=_by_minute,
    draw=_draw,
    finding=_say,
)
