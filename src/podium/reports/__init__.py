"""What HTML reports share: one page skeleton, and figures that follow its theme.

A report is one file that needs no network.
"""

from podium.reports.figures import drawing, figure_to_base64, figure_to_svg
from podium.reports.page import render

__all__ = ["drawing", "figure_to_base64", "figure_to_svg", "render"]
