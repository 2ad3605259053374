"""Calendar months (UTC), the unit of monitoring: their predictions, and whether one is over and has enough rows."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from .parameters import MonitoringParams

__all__ = ["closed", "day", "enough", "first_month", "monitored", "month", "title", "window"]

SECONDS_OF_DAY = 86_400


def first_month(as_of: datetime, months: int) -> pd.Timestamp:
    """The start (UTC) of the oldest of the last ``months`` months. The month of ``as_of`` counts as the last one."""
    this_month = pd.Timestamp(as_of).tz_convert("UTC").normalize().replace(day=1)
    return this_month - pd.DateOffset(months=months - 1)


def monitored(predictions: DataFrame, as_of: datetime, months: int) -> DataFrame:
    """The predictions made from the start of the oldest month (``first_month``) until ``as_of``."""
    since = first_month(as_of, months).to_pydatetime()
    return predictions.filter((F.col("prediction_time") >= F.lit(since)) & (F.col("prediction_time") <= F.lit(as_of)))


def window() -> Column:
    """The column ``window``: the start (UTC) of the month of a prediction, in seconds since 1970."""
    return F.unix_timestamp(F.date_trunc("month", "prediction_time")).alias("window")


def closed(month_start: pd.Timestamp, as_of: datetime, lag: timedelta = timedelta(0)) -> bool:
    """Whether a month ended at least ``lag`` before ``as_of``."""
    return bool(month_start + pd.DateOffset(months=1) + lag <= pd.Timestamp(as_of))


def day() -> Column:
    """The column ``day``: the day (UTC) of a prediction, in days since 1970."""
    return F.floor(F.unix_timestamp("prediction_time") / SECONDS_OF_DAY).alias("day")


def month(seconds: Any) -> pd.Timestamp:
    """Convert a value of the column ``window`` to a timestamp (UTC)."""
    return pd.Timestamp(seconds, unit="s", tz="UTC")


def enough(rows: Any, days: Any, params: MonitoringParams) -> Any:
    """Whether a month has enough rows on enough days to be judged. Takes two numbers or two pandas columns."""
    return (rows >= params.min_rows) & (days >= params.min_days)


def title(window_start: pd.Timestamp) -> str:
    """The month and its year in words, such as ``September 2013``."""
    return f"{window_start:%B %Y}"
