"""Months: which predictions a run looks at, and when a month is over."""

from datetime import datetime, timedelta

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

__all__ = ["closed", "first_month", "monitored", "read", "title", "window"]


def first_month(as_of: datetime, months: int) -> pd.Timestamp:
    """The start of the first of the ``months`` months that end with the month of ``as_of``."""
    this_month = pd.Timestamp(as_of).tz_convert("UTC").normalize().replace(day=1)
    return this_month - pd.DateOffset(months=months - 1)


def monitored(predictions: DataFrame, as_of: datetime, months: int) -> DataFrame:
    """The predictions made in the last ``months`` months, none of them after ``as_of``."""
    since = first_month(as_of, months).to_pydatetime()
    return predictions.filter((F.col("prediction_time") >= F.lit(since)) & (F.col("prediction_time") <= F.lit(as_of)))


def window() -> Column:
    """The month of a prediction: its first second (UTC), in seconds since 1970."""
    return F.unix_timestamp(F.date_trunc("month", "prediction_time")).alias("window")


def closed(window_start: pd.Series, as_of: datetime, lag: timedelta = timedelta(0)) -> pd.Series:
    """Whether each month had been over for ``lag`` at ``as_of``."""
    return window_start + pd.DateOffset(months=1) + lag <= pd.Timestamp(as_of)


def read(table: DataFrame, as_of: datetime, months: int, model_version: str) -> pd.DataFrame:
    """A small monitoring table of one model version, limited to the months that a run of this ``as_of`` looks at."""
    since = first_month(as_of, months).to_pydatetime()
    wanted = (F.col("window_start") >= F.lit(since)) & (F.col("window_start") <= F.lit(as_of))
    rows = table.filter(wanted & (F.col("model_version") == model_version)).toPandas()
    # toPandas drops the time zone; the session's is UTC.
    return rows.assign(window_start=pd.to_datetime(rows["window_start"]).dt.tz_localize("UTC"))


def title(window_start: pd.Timestamp) -> str:
    """``September 2013``."""
    return f"{window_start:%B %Y}"
