"""The columns and keys of the monitoring tables. The tables are small, so their rows are handled in pandas."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from podium.lakehouse.table import Mode, Rows

from .windows import first_month

__all__ = ["ALERTS", "DRIFT", "PERFORMANCE", "MonitoringTable"]

TYPED: dict[str, Callable[[pd.Series], pd.Series]] = {
    "string": lambda values: values.astype("object"),
    "bigint": lambda values: values.astype("int64"),
    "double": lambda values: values.astype("float64"),
    "boolean": lambda values: values.astype("bool"),
    "timestamp": lambda values: pd.to_datetime(values, utc=True),
}


@dataclass(frozen=True)
class MonitoringTable:
    """The schema of a monitoring table: its columns, their types, and its keys.

    Attributes:
        columns: name -> Spark type.
        keys: the columns that identify a row.
        mode: the write mode. None keeps the mode that the catalog sets.
    """

    columns: Mapping[str, str]
    keys: tuple[str, ...]
    mode: Mode | None = None

    def rows(self, found: Iterable[Mapping[Any, Any]]) -> pd.DataFrame:
        """Convert rows to a pandas frame with the table's columns and types, sorted by the table's keys."""
        table = pd.DataFrame(list(found), columns=list(self.columns))
        for name, dtype in self.columns.items():
            table[name] = TYPED[dtype](table[name])
        return table.sort_values(list(self.keys), ignore_index=True)

    def save(self, rows: pd.DataFrame, session: SparkSession) -> Rows:
        """Convert a pandas frame to ``Rows``: a Spark frame with the table's keys and mode, for the catalog to save."""
        ddl = ", ".join(f"{name} {dtype}" for name, dtype in self.columns.items())
        return Rows(frame=session.createDataFrame(rows, ddl), keys=self.keys, mode=self.mode)

    def load(self, frame: DataFrame, as_of: datetime, months: int, model_version: str) -> pd.DataFrame:
        """Load the rows of one model version for ``months`` months, the last of which is the month of ``as_of``."""
        since = F.lit(first_month(as_of, months).to_pydatetime())
        wanted = (F.col("window_start") >= since) & (F.col("window_start") <= F.lit(as_of))
        found = frame.filter(wanted & (F.col("model_version") == model_version)).select(*self.columns).toPandas()
        return self.rows(found.to_dict("records"))


DRIFT = MonitoringTable(
    columns={
        "model_version": "string",
        "window_start": "timestamp",
        "subject": "string",
        "kind": "string",
        "psi": "double",
        "threshold": "double",
        "noise": "double",
        "rows": "bigint",
        "days": "bigint",
        "reference_rows": "bigint",
        "drifted": "boolean",
        "complete": "boolean",
        "moved": "string",
        "moved_from": "double",
        "moved_to": "double",
    },
    keys=("model_version", "window_start", "subject"),
)
PERFORMANCE = MonitoringTable(
    columns={
        "model_version": "string",
        "window_start": "timestamp",
        "complete": "boolean",
        "predictions": "bigint",
        "labelled": "bigint",
        "days": "bigint",
        "positive_rate": "double",
        "mean_score": "double",
        "auc": "double",
        "auc_error": "double",
        "average_precision": "double",
        "average_precision_error": "double",
        "log_loss": "double",
        "log_loss_error": "double",
        "brier": "double",
        "brier_error": "double",
        "calibration_error": "double",
        "calibration_noise": "double",
    },
    keys=("model_version", "window_start"),
)
# Insert new alerts only. An existing alert is never updated, so it keeps its figures and the status that a person set.
ALERTS = MonitoringTable(
    columns={
        "alert_id": "string",
        "kind": "string",
        "severity": "string",
        "subject": "string",
        "window_start": "timestamp",
        "value": "double",
        "threshold": "double",
        "reason": "string",
        "model_version": "string",
        "raised_as_of": "timestamp",
        "status": "string",
    },
    keys=("alert_id",),
    mode=Mode.INSERT,
)
