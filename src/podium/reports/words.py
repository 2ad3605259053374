"""What reports and pictures call the rows and the labels of a problem."""

from podium.problems.base import Params

__all__ = ["ReportWords"]


class ReportWords(Params):
    """The problem's own words, such as "flights", "late" and "in time"."""

    rows: str = "rows"
    positive: str = "positive"
    negative: str = "other"
