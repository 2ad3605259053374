"""Figures for reports: drawn in one style, and the same bytes each time.

No pyplot: a ``Figure`` of its own leaves no global state behind, and needs no screen.
"""

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

__all__ = ["drawing", "figure_to_base64", "figure_to_svg"]

# Colours that stand for the theme of the page: an inline SVG takes the page's own instead, light or dark.
INK, LINE, SURFACE = "#1c2733", "#d5dbe2", "#fefefe"
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
    "text.parse_math": False,  # text comes from data: a dollar sign in it is a dollar sign
    "xtick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.color": LINE,
    "ytick.labelcolor": INK,
}
# Identifiers that nothing refers to (figure_1, text_7): two figures of one page would repeat them.
UNUSED_ID = re.compile(r' id="[A-Za-z0-9.]+_\d+"')


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A figure of ``width`` x ``height`` inches in the style of the reports; draw and save it inside the context.

    The style sets the colours ``C0``... and the default colour map, so what draws needs to name none of its own.
    """
    with rc_context(STYLE):
        yield Figure(figsize=(width, height))


def figure_to_svg(figure: Figure, *, label: str) -> Markup:
    """The figure as an inline SVG, its text as text and in the colours of the page's theme.

    Args:
        figure: made by ``drawing``.
        label: what a screen reader says instead of the picture; unlike that of any other figure of the page.
    """
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    # The salt makes ids repeat from run to run, and differ between the figures of one page.
    with rc_context({"svg.hashsalt": label}):
        figure.savefig(stream, format="svg", metadata=nothing)
    text = stream.getvalue()
    text = UNUSED_ID.sub("", text[text.index("<svg") :])
    for colour, variable in THEME.items():
        text = text.replace(colour, variable)
    return Markup(text.replace("<svg", Markup('<svg role="img" aria-label="{}"').format(label), 1))  # noqa: S704


def figure_to_base64(figure: Figure, *, dpi: int = 110) -> str:
    """The figure as a ``data:`` address of a PNG on white, for pages that are not made here."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
