"""What all HTML reports share: the page skeleton, and figures in the colours of the page.

A report is one self-contained file.
"""

from podium.reports.figures import drawing, figure_to_base64, figure_to_svg
from podium.reports.page import render

__all__ = ["drawing", "figure_to_base64", "figure_to_svg", "render"]
