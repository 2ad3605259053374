"""The names that reports and pictures use for the rows and the labels of a problem."""

__all__ = ["ReportWords"]


from podium.validation import Params


class ReportWords(Params):
    """A problem's names for its rows and labels, such as "visits", "missed" and "kept"."""

    rows: str = "rows"
    positive: str = "positive"
    negative: str = "other"
