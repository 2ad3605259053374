"""The page skeleton of all HTML reports, and figures in the colours of the page.

A report is one self-contained file.
"""

from podium.reports.figures import data_uri, drawing, figure_to_png, figure_to_svg
from podium.reports.page import render

__all__ = ["data_uri", "drawing", "figure_to_png", "figure_to_svg", "render"]
