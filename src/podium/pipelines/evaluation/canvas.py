"""One look for all pictures. Figures are objects of their own: nothing here touches pyplot or matplotlib's settings."""

from collections.abc import Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, PercentFormatter

from .parameters import Words
from .records import Evaluation

__all__ = ["COLOURS", "GRID", "INK", "MUTED", "OBSERVED", "canvas", "counts", "legend", "percent", "polish", "subtitle"]

INK = "#1f2933"
MUTED = "#65717e"
GRID = "#e4e8ec"
# Told apart by people who do not see red or green as others do, and by lightness in a print without colour.
COLOURS = {"candidate": "#0b63a5", "champion": "#e08214", "baseline": "#98a2ad"}
OBSERVED = "#b3361e"


def canvas(
    title: str,
    subtitle: str,
    *,
    size: tuple[float, float],
    grid: tuple[int, int] = (1, 1),
    sharex: Literal["none", "col"] = "none",
    **ratios: Sequence[float],
) -> tuple[Figure, list[Axes]]:
    """An empty figure with its title, and its axes, flat.

    Args:
        title: what the picture is about.
        subtitle: what it is made from: model, rows, period.
        size: width and height in inches.
        grid: rows and columns of axes.
        sharex: whether the axes of a column share theirs.
        ratios: ``width_ratios``, ``height_ratios`` of the grid.
    """
    # Constrained layout measures in shares of the figure; inches keep the head alike on every size.
    inch = 1 / size[1]
    layout = ConstrainedLayoutEngine(rect=(0.0, 0.0, 1.0, 1 - 0.62 * inch), w_pad=0.1, h_pad=0.08)
    figure = Figure(figsize=size, dpi=120, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    left = 0.14 / size[0]
    figure.text(left, 1 - 0.12 * inch, title, size=13, weight="bold", color=INK, va="top")
    figure.text(left, 1 - 0.38 * inch, subtitle, size=9, color=MUTED, va="top")
    axes = list(figure.subplots(*grid, squeeze=False, sharex=sharex, gridspec_kw=ratios).ravel())
    for axis in axes:
        polish(axis)
    return figure, axes


def polish(axis: Axes) -> None:
    """Quiet frame and grid, so that the data are what one sees."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color("#b8c1ca")
    axis.grid(color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors=MUTED, labelsize=9, length=0)
    axis.xaxis.label.set(color=INK, size=9.5)
    axis.yaxis.label.set(color=INK, size=9.5)


def legend(axis: Axes, place: str, title: str | None = None, **options: Any) -> None:
    """A legend without a frame; the line drawn last comes first, as it lies on top."""
    look = {"fontsize": 8.5, "title_fontsize": 8.5, "alignment": "left", "reverse": True, **options}
    box = axis.legend(*axis.get_legend_handles_labels(), loc=place, title=title, **look)  # type: ignore[call-overload]
    box.get_frame().set(edgecolor="none", facecolor="white", alpha=0.85)
    box.get_title().set_color(MUTED)


def percent() -> PercentFormatter:
    """Tick labels such as 20%."""
    return PercentFormatter(xmax=1, decimals=0)


def subtitle(found: Evaluation, words: Words) -> str:
    """What a picture is made from: how many rows, of which days, with how many positives."""
    first, last = found.window.first, found.window.last
    rate = "" if found.late_rate.value is None else f", {found.late_rate.value:.1%} {words.positive}"
    return f"{found.rows:,} held-out {words.rows} of {first:%d %b %Y} to {last:%d %b %Y}{rate}"


def counts() -> FuncFormatter:
    """Tick labels such as 2,000."""
    return FuncFormatter(lambda value, _: f"{value:,.0f}")
