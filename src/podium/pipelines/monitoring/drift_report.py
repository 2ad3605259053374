"""The Evidently report: the most drifted features of a sample, to look into one by one."""

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
# The report brings all it needs. Should a later version of Evidently not, the browser refuses instead of asking around.
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

    Samples are those whose keys have the lowest hash, so the figures in it are the same each time. It says where to
    look; the table of drift, made from all rows month by month, decides.

    Args:
        predictions: the prediction log.
        reference: what to compare with; its model version is the one to look at.
        features: the features to show.
        keys: entity keys.
        as_of: nothing predicted later is used.
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
    """In the order of time, in which Evidently draws them."""
    return rows.sort_values(list(rows.columns), ignore_index=True)


def _html(now: pd.DataFrame, then: pd.DataFrame, features: list[str], params: MonitoringParams) -> str:
    # Slow to import, and needed by this function only.
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    numbers = [name for name in features if now[name].dtype == "float64"]
    # Evidently cannot compare a column with no values at all.
    shown = [name for name in features if now[name].notna().any() and then[name].notna().any()]
    definition = DataDefinition(
        timestamp=TIME,
        numerical_columns=[name for name in shown if name in numbers],
        categorical_columns=[name for name in shown if name not in numbers],
    )
    report = Report([DataDriftPreset(columns=shown, method="psi", threshold=params.psi.warning)], include_tests=False)
    sides = [Dataset.from_pandas(side[[TIME, *shown]], data_definition=definition) for side in (now, then)]
    return report.run(*sides).get_html_str(as_iframe=False).replace("<head>", f"<head>{POLICY}", 1)
