"""The filter on the moment at which a row became known. Everything that respects ``as_of`` uses it."""

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

__all__ = ["known_at"]


def known_at(frame: DataFrame, moment: datetime, *, by: str = "available_at") -> DataFrame:
    """Keep the rows that could be known at ``moment``.

    Args:
        frame: events, feature rows, requests or labels.
        moment: in UTC. A row that became known exactly then counts.
        by: the column that says when a row became known.
    """
    return frame.filter(F.col(by) <= F.lit(moment))
