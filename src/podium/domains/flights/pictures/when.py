"""Late flights by month and by hour of the week, and cancelled flights by day."""

import calendar
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Picture
from podium.domains.flights.outcomes import outcomes

from .rates import ENOUGH, extremes, in_percent, late_by, local_departure, overall, percent, rate

DAYS = list(calendar.day_name)
BAD_DAYS = 5


def _by_month(frames: Mapping[str, DataFrame]) -> DataFrame:
    flights = outcomes(frames, of_two="newest")
    month = F.to_date(F.date_trunc("month", local_departure())).alias("month")
    never = F.sum(F.col("arr_delay").isNull().cast("int")).alias("never")
    return flights.groupBy(month).agg(F.count("late").alias("flights"), F.sum("late").alias("late"), never)


def _month_name(month: Any) -> str:
    return f"{calendar.month_abbr[month.month]} {month.year}"


def _month_ticks(months: Iterable[Any], gap: str) -> list[str]:
    """Format months as short names; the first month and each January get the year."""
    years = [f"{gap}{month.year}" if i == 0 or month.month == 1 else "" for i, month in enumerate(months)]
    return [calendar.month_abbr[month.month] + year for month, year in zip(months, years, strict=True)]


def _draw_months(figure: Any, rows: pd.DataFrame) -> None:
    axes = figure.subplots()
    x = np.arange(len(rows))
    never, late = rows["never"] / rows["flights"], (rows["late"] - rows["never"]) / rows["flights"]
    axes.bar(x, late, color="C0", width=0.72, label="15 minutes late or more")
    axes.bar(x, never, bottom=late, color="C1", width=0.72, label="never arrived (cancelled, diverted)")
    for at, share in zip(x, rate(rows), strict=True):
        axes.annotate(percent(share), (at, share), (0, 3), textcoords="offset points", ha="center", fontsize=9)
    axes.set_xticks(x, _month_ticks(rows["month"], "\n"))
    axes.grid(visible=False, axis="x")
    axes.set_ylim(0, rate(rows).max() * 1.32 + 0.01)
    in_percent(axes.yaxis)
    axes.legend(loc="upper left", fontsize=9, ncols=2)


def _months_say(rows: pd.DataFrame) -> str:
    (best, low), (worst, high) = extremes(rows.set_index("month"))
    return (
        f"{percent(overall(rows))} of {rows['flights'].sum():,} flights were late; by month from {low} in "
        f"{_month_name(best)} to {high} in {_month_name(worst)}."
    )


MONTHS = Picture(
    title="Late flights by month",
    question="Is the late rate steady? Late: 15 minutes or more, or never arrived.",
    table=_by_month,
    draw=_draw_months,
    finding=_months_say,
)


def _by_hour(frames: Mapping[str, DataFrame]) -> DataFrame:
    local = local_departure()
    # Don't use F.weekday: Sail 0.7 returns -1 for Sundays.
    weekday = ((F.dayofweek(local) + 5) % 7).alias("weekday")
    return late_by(outcomes(frames, of_two="newest"), weekday, F.hour(local).alias("hour"))


def _draw_hours(figure: Any, rows: pd.DataFrame) -> None:
    axes = figure.subplots()
    enough = rows[rows["flights"] >= min(ENOUGH, rows["flights"].max())]
    hours = list(range(enough["hour"].min(), enough["hour"].max() + 1))
    grid = enough.assign(rate=rate(enough)).pivot_table(index="weekday", columns="hour", values="rate")
    grid = grid.reindex(index=range(7), columns=hours)
    mesh = axes.pcolormesh(grid.to_numpy(dtype=float), vmin=0, edgecolors="face", linewidth=0.2)
    for y, x in np.argwhere(grid.notna().to_numpy()):
        share = grid.iloc[y, x]
        dark = mesh.norm(share) > 0.6
        axes.text(x + 0.5, y + 0.5, f"{share * 100:.0f}", ha="center", va="center", fontsize=8.5,
                  color="white" if dark else "#40220f")  # fmt: skip
    axes.set_xticks(np.arange(len(hours)) + 0.5, [f"{hour}:00" for hour in hours])
    axes.set_yticks(np.arange(7) + 0.5, DAYS)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _hours_say(rows: pd.DataFrame) -> str:
    (best, low), (worst, high) = extremes(rows.groupby("hour")[["flights", "late"]].sum())
    _, ((weekday, hour), highest) = extremes(rows.set_index(["weekday", "hour"]))
    return (
        f"The hour with the fewest late flights is {best}:00 ({low}), the one with the most is {worst}:00 ({high}); "
        f"the worst of the week is {DAYS[weekday]} {hour}:00 with {highest}."
    )


HOURS = Picture(
    title="Late flights in percent, by hour and day of the week",
    question=f"Which hours (New York time) have the most late flights? Blank: fewer than {ENOUGH} flights.",
    table=_by_hour,
    draw=_draw_hours,
    finding=_hours_say,
    size=(12.8, 3.3),
)


def _by_day(frames: Mapping[str, DataFrame]) -> DataFrame:
    flew = frames["arrival"].select("scheduled_departure", F.lit(0).alias("cancelled"))
    dropped = frames["cancellation"].select("scheduled_departure", F.lit(1).alias("cancelled"))
    day = F.to_date(local_departure()).alias("day")
    return (
        flew.unionByName(dropped)
        .groupBy(day)
        .agg(F.count("cancelled").alias("flights"), F.sum("cancelled").alias("cancelled"))
    )


def _worst_days(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(["cancelled", "day"], ascending=[False, True], kind="stable").head(BAD_DAYS)


def _day_name(day: Any) -> str:
    return f"{day.day} {calendar.month_abbr[day.month]} {day.year}"


def _draw_days(figure: Any, rows: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.bar(pd.to_datetime(rows["day"]), rows["cancelled"], width=1.0, color="C1", linewidth=0)
    labelled: list[Any] = []
    for day, cancelled in _worst_days(rows)[["day", "cancelled"]].itertuples(index=False):
        # Label a storm that spans several days only once, at its worst day.
        if cancelled and all(abs((day - other).days) > 12 for other in labelled):
            labelled.append(day)
            text = f"{_day_name(day)}: {cancelled}"
            axes.annotate(text, (pd.Timestamp(day), cancelled), (0, 3), textcoords="offset points", ha="center")
    axes.set_ylim(0, max(rows["cancelled"].max(), 1) * 1.12)
    months = pd.date_range(rows["day"].min(), rows["day"].max(), freq="MS")
    if len(months) > 1:
        axes.set_xticks(months, _month_ticks(months, " "))
    axes.margins(x=0.01)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel("cancelled flights")


def _days_say(rows: pd.DataFrame) -> str:
    total, planned = rows["cancelled"].sum(), rows["flights"].sum()
    if not total:
        return f"None of {planned:,} flights was cancelled."
    worst = _worst_days(rows)
    first = worst.iloc[0]
    return (
        f"{total:,} of {planned:,} flights were cancelled ({total / planned:.1%}). The {len(worst)} worst of "
        f"{len(rows)} days hold {percent(worst['cancelled'].sum() / total)} of them; on {_day_name(first['day'])} "
        f"{percent(first['cancelled'] / first['flights'])} of all flights were."
    )


CANCELLATIONS = Picture(
    title="Cancelled flights by day",
    question="Are cancellations spread out, or concentrated on a few days?",
    table=_by_day,
    draw=_draw_days,
    finding=_days_say,
    size=(12.8, 3.0),
)
