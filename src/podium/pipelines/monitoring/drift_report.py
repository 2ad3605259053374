"""The Evidently report: the most drifted features, in a sample of predictions and in one of the training set."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from .parameters import MonitoringParams
from .reference import Reference, sample
from .windows import monitored

__all__ = ["drift_report"]

TIME = "prediction_time"
# This policy makes the browser block network access. The report does not use the network now, but a later version of
# Evidently might load something.
POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:\">"
)
NOTHING = "<!doctype html><title>Drift</title><p>There are no predictions of model version {} yet.</p>"


def drift_report(
    predictions: DataFrame,
    reference: Reference,
    features: Sequence[str],
    *,
    keys: Sequence[str],
    as_of: datetime,
    params: MonitoringParams,
) -> str:
    """An Evidently report as HTML: the features of a sample of predictions against a sample of the training set.

    The samples are the rows whose keys have the lowest hash, so the report is the same each time. It is for reading;
    alerts come from the drift table, which counts all rows month by month.

    Args:
        predictions: the prediction log.
        reference: the reference; its model version selects the predictions.
        features: the features to show.
        keys: entity keys.
        as_of: later predictions are not used.
        params: parameters of monitoring.
    """
    mine = monitored(predictions, as_of, params.months).filter(F.col("model_version") == reference.model_version)
    types = {TIME: "timestamp", **{name: reference.bins[name].dtype for name in features}}
    now = sample(mine, types, [*keys, TIME], params.sample_rows)
    if now.empty or not features:
        return NOTHING.format(reference.model_version)
    then = reference.sample[list(types)]
    return _html(_in_time(now), _in_time(then), list(features), params)


def _in_time(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort by time, because Evidently plots rows in the order they come."""
    return rows.sort_values(list(rows.columns), ignore_index=True)


def _html(now: pd.DataFrame, then: pd.DataFrame, features: list[str], params: MonitoringParams) -> str:
    # Imported here because Evidently is slow to import and only this function needs it.
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    numbers = [name for name in features if now[name].dtype == "float64"]
    # Leave out columns without any value, because Evidently cannot compare them.
    shown = [name for name in features if now[name].notna().any() and then[name].notna().any()]
    definition = DataDefinition(
        timestamp=TIME,
        numerical_columns=[name for name in shown if name in numbers],
        categorical_columns=[name for name in shown if name not in numbers],
    )
    report = Report([DataDriftPreset(columns=shown, method="psi", threshold=params.psi.warning)], include_tests=False)
    sides = [Dataset.from_pandas(side[[TIME, *shown]], data_definition=definition) for side in (now, then)]
    return report.run(*sides).get_html_str(as_iframe=False).replace("<head>", f"<head>{POLICY}", 1)
