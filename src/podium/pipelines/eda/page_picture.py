"""A picture with its texts, ready for the exploration page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

__all__ = ["PagePicture", "page_picture"]

WIDE = 8.0
NOTHING = "Nothing is known yet at this moment."


@dataclass(frozen=True, kw_only=True)
class PagePicture:
    """The texts of a picture and its inline SVG. Without data the SVG is empty and ``finding`` says so."""

    title: str
    question: str
    finding: str
    svg: Markup
    wide: bool


def page_picture(
    rows: pd.DataFrame,
    *,
    title: str,
    question: str,
    draw: Callable[[Any, pd.DataFrame], None],
    finding: Callable[[pd.DataFrame], str],
    size: tuple[float, float],
    nothing: str = NOTHING,
) -> PagePicture:
    """Draw ``rows``, and compute the sentence under the picture. The order of the rows does not matter."""
    from podium.reports import drawing, figure_to_svg

    svg = Markup()
    if not rows.empty:
        rows = rows.sort_values(list(rows.columns), ignore_index=True)
        with drawing(*size) as figure:
            draw(figure, rows)
            svg = figure_to_svg(figure, label=title) if figure.axes else svg
        nothing = finding(rows)
    return PagePicture(title=title, question=question, finding=nothing, svg=svg, wide=size[0] > WIDE)
