"""The plot of missing values on the exploration page. It uses only the profile, so no table is read again."""

from typing import Any

import pandas as pd

from podium.pipelines.eda.page_picture import PagePicture, page_picture

__all__ = ["missing_values"]

MOST = 16


def missing_values(profile: pd.DataFrame) -> PagePicture:
    """Draw the columns with the largest shares of missing values over all tables."""
    gaps = profile.loc[profile["missing"] > 0, ["table", "column", "missing", "rows"]]
    return page_picture(
        gaps.assign(share=gaps["missing"] / gaps["rows"], columns=len(profile)),
        title="Missing values by column",
        question="Where are the gaps? Columns without any are left out.",
        draw=_draw,
        finding=_say,
        size=(6.4, 4.4),
        nothing="No column has a gap." if profile["rows"].any() else "No table has rows yet.",
    )


def _draw(figure: Any, rows: pd.DataFrame) -> None:
    most = rows.nlargest(MOST, "share")[::-1].reset_index(drop=True)
    axes = figure.subplots()
    axes.barh(most.index, most["share"], color="C3")
    for at, share in most["share"].items():
        text = f"{share:.1%}" if share >= 0.001 else "< 0.1%"
        axes.annotate(text, (share, at), (3, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(most.index, most["table"] + "." + most["column"], fontsize=9)
    axes.set_xlim(0, min(most["share"].max() * 1.15, 1.12))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}" if value <= 1 else "")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _say(rows: pd.DataFrame) -> str:
    worst = rows.loc[rows["share"].idxmax()]
    half = int((rows["share"] > 0.5).sum())
    return (
        f"{len(rows)} of {rows['columns'].iloc[0]} columns have gaps, {half or 'none'} of them in more than half of "
        f"their rows; the largest is {worst['column']} of {worst['table']}, missing in {worst['share']:.1%}."
    )
