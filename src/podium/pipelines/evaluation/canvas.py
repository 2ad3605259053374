"""One look for all pictures. Figures are objects of their own: nothing here touches pyplot or matplotlib's settings."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

__all__ = ["COLOURS", "GRID", "INK", "MUTED", "OBSERVED", "canvas", "counts", "percent", "polish"]

INK = "#1f2933"
MUTED = "#65717e"
GRID = "#e4e8ec"
# Told apart by people who do not see red or green as others do, and by lightness in a print without colour.
COLOURS = {"candidate": "#0b63a5", "champion": "#e08214", "baseline": "#98a2ad"}
OBSERVED = "#b3361e"


def canvas(
    title: str, subtitle: str, *, size: tuple[float, float], grid: tuple[int, int] = (1, 1), **ratios: Any
) -> tuple[Figure, Sequence[Any]]:
    """An empty figure with its title, and its axes, flat.

    Args:
        title: what the picture is about.
        subtitle: what it is made from: model, rows, period.
        size: width and height in inches.
        grid: rows and columns of axes.
        ratios: ``width_ratios``, ``height_ratios``, ``sharex``, ``sharey`` of ``Figure.subplots``.
    """
    figure = Figure(figsize=size, dpi=120, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(*grid, squeeze=False, **_grid_options(ratios)).ravel()
    # Constrained layout measures in inches, so that titles sit alike on every size of figure.
    head = 0.62 / size[1]
    figure.get_layout_engine().set(rect=(0.0, 0.0, 1.0, 1 - head), w_pad=0.1, h_pad=0.08)  # type: ignore[union-attr]
    left = 0.14 / size[0]
    figure.text(left, 1 - 0.12 / size[1], title, size=13, weight="bold", color=INK, va="top")
    figure.text(left, 1 - 0.38 / size[1], subtitle, size=9, color=MUTED, va="top")
    for axis in axes:
        polish(axis)
    return figure, list(axes)


def _grid_options(ratios: dict[str, Any]) -> dict[str, Any]:
    shared = {name: ratios.pop(name) for name in ("sharex", "sharey") if name in ratios}
    return {**shared, "gridspec_kw": ratios}


def polish(axis: Axes) -> None:
    """Quiet frame and grid, so that the data are what one sees."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color("#b8c1ca")
    axis.grid(color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors=MUTED, labelsize=9, length=0)
    axis.xaxis.label.set(color=INK, size=9.5)
    axis.yaxis.label.set(color=INK, size=9.5)


def percent() -> PercentFormatter:
    """Tick labels such as 20%."""
    return PercentFormatter(xmax=1, decimals=0)


def counts() -> FuncFormatter:
    """Tick labels such as 2,000."""
    return FuncFormatter(lambda value, _: f"{value:,.0f}")
