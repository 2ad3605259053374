"""Figures for reports, all in one style. The same data always give the same bytes.

Don't use pyplot, which has global state and may need a display. A plain ``Figure`` has and needs neither.
"""

import base64
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, PercentFormatter

__all__ = [
    "COLOURS",
    "INK",
    "LINE",
    "MUTED",
    "OBSERVED",
    "SURFACE",
    "canvas",
    "counts",
    "data_uri",
    "drawing",
    "figure_to_png",
    "figure_to_svg",
    "legend",
    "percent",
]

# Placeholder colours. ``figure_to_svg`` replaces them with CSS variables, so that a figure follows the page's light or
# dark theme.
INK, LINE, SURFACE = "#1c2733", "#d5dbe2", "#fefefe"
MUTED, OBSERVED = "#65717e", "#b3361e"
# One colour for each model of an evaluation. These colours are distinct for colour-blind readers and in black-and-white
# prints.
COLOURS = {"candidate": "#0b63a5", "champion": "#e08214", "baseline": "#98a2ad"}
THEME = {INK: "var(--ink)", LINE: "var(--line)", SURFACE: "var(--surface)"}

STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.prop_cycle": "cycler('color', ['3f7fc4', 'e0792f', '2f9e86', 'b3539a', '8a94a3'])",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "font.size": 10,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "image.cmap": "YlOrRd",
    "legend.frameon": False,
    "patch.edgecolor": SURFACE,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,  # text comes from data, so a dollar sign must not start a formula
    "xtick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.color": LINE,
    "ytick.labelcolor": INK,
}
# SVG ids that nothing refers to, such as figure_1 and text_7. Remove them: two figures of one page would share them.
UNUSED_ID = re.compile(r' id="[A-Za-z0-9.]+_\d+"')


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """Yield a figure of ``width`` x ``height`` inches in the style of the reports; draw and save it inside the context.

    The style sets the colours ``C0``... and the default colour map, so drawing code needs no colours of its own.
    """
    with rc_context(STYLE):
        yield Figure(figsize=(width, height))


def figure_to_svg(figure: Figure, *, label: str) -> Markup:
    """Return the figure as an inline SVG with selectable text, in the colours of the page's theme.

    Args:
        figure: a figure from ``drawing``.
        label: the text that a screen reader reads; unique on the page.
    """
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    # With the label as salt, SVG ids are the same in every run, and differ between the figures of one page.
    with rc_context({"svg.hashsalt": label}):
        figure.savefig(stream, format="svg", metadata=nothing)
    text = stream.getvalue()
    text = UNUSED_ID.sub("", text[text.index("<svg") :])
    for colour, variable in THEME.items():
        text = text.replace(colour, variable)
    return Markup(text.replace("<svg", Markup('<svg role="img" aria-label="{}"').format(label), 1))  # noqa: S704


def figure_to_png(figure: Figure) -> bytes:
    """Return a figure of ``canvas``, which is white, as a PNG, for files and for pages without Podium's theme."""
    stream = io.BytesIO()
    # Leave matplotlib's version out of the file: two versions that draw the same picture then give equal files.
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def data_uri(png: bytes) -> str:
    """Return a PNG as a ``data:`` URI, with which a page holds a picture."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def canvas(
    title: str,
    subtitle: str,
    *,
    size: tuple[float, float],
    grid: tuple[int, int] = (1, 1),
    sharex: Literal["none", "col"] = "none",
    **ratios: Sequence[float],
) -> tuple[Figure, list[Axes]]:
    """Return a figure with title and subtitle, and its empty axes as a flat list.

    Args:
        title: the subject of the picture.
        subtitle: its data: model, rows, period.
        size: width and height in inches.
        grid: rows and columns of axes.
        sharex: whether the axes of a column share their x axis.
        ratios: ``width_ratios``, ``height_ratios`` of the grid.
    """
    # Constrained layout takes fractions of the figure's height. Convert from inches, so that the title takes the same
    # space in a figure of any size.
    inch = 1 / size[1]
    layout = ConstrainedLayoutEngine(rect=(0.0, 0.0, 1.0, 1 - 0.62 * inch), w_pad=0.1, h_pad=0.08)
    figure = Figure(figsize=size, dpi=120, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    left = 0.14 / size[0]
    figure.text(left, 1 - 0.12 * inch, title, size=13, weight="bold", color=INK, va="top")
    figure.text(left, 1 - 0.38 * inch, subtitle, size=9, color=MUTED, va="top")
    axes = list(figure.subplots(*grid, squeeze=False, sharex=sharex, gridspec_kw=ratios).ravel())
    for axis in axes:
        _polish(axis)
    return figure, axes


def _polish(axis: Axes) -> None:
    """Draw only the left and bottom edges of the frame, and a grid, all in a light colour."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(LINE)
    axis.grid(color=LINE, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors=MUTED, labelsize=9, length=0)
    axis.xaxis.label.set(color=INK, size=9.5)
    axis.yaxis.label.set(color=INK, size=9.5)


def legend(axis: Axes, place: str, title: str | None = None, **options: Any) -> None:
    """Add a legend without a frame. The line drawn last lies on top of the others, so its entry comes first."""
    look = {"fontsize": 8.5, "title_fontsize": 8.5, "alignment": "left", "reverse": True, **options}
    box = axis.legend(*axis.get_legend_handles_labels(), loc=place, title=title, **look)  # type: ignore[call-overload]
    box.get_frame().set(edgecolor="none", facecolor="white", alpha=0.85)
    box.get_title().set_color(MUTED)


def percent() -> PercentFormatter:
    """Return a formatter for tick labels such as 20%."""
    return PercentFormatter(xmax=1, decimals=0)


def counts() -> FuncFormatter:
    """Return a formatter for tick labels such as 2,000."""
    return FuncFormatter(lambda value, _: f"{value:,.0f}")
