"""The reference that monitoring compares months with: a model's training rows, and its scores on held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.errors import PodiumError, did_you_mean
from podium.lakehouse.sampling import sampled

from .histograms import Bins, Numbers, count, cut_categories, cut_numbers, histograms
from .parameters import MonitoringParams

__all__ = ["SCORES", "Reference", "profile", "require_columns", "sample"]

SCORES = {"score": "double", "decision": "string"}
LABEL = Numbers((0.5,))
# The edges of bins are computed from a sample of this many rows; all rows are then counted in these bins. A decile
# computed from 20,000 rows is off by about 0.3% of the rows.
BIN_ROWS = 20_000


@dataclass(frozen=True)
class Reference:
    """The distributions and metrics that each month is compared with.

    Attributes:
        model_version: the model version that was trained on the reference window.
        metrics: metric -> its value on held-out rows, from the evaluation.
        bins: the bins of each feature, of the score and of the decision.
        rows: the number of reference rows in each bin.
        sample: a sample of the reference window: ``prediction_time`` and the features.
        scores: a sample of the held-out scores.
        positive_rate: share of positive labels in the reference window.
    """

    model_version: str
    metrics: Mapping[str, float]
    bins: Mapping[str, Bins]
    rows: Mapping[str, np.ndarray]
    sample: pd.DataFrame
    scores: pd.Series
    positive_rate: float

    @property
    def features(self) -> list[str]:
        """The names of the features."""
        return [name for name in self.bins if name not in SCORES]


def profile(
    examples: DataFrame,
    scores: DataFrame,
    *,
    model_version: str,
    metrics: Mapping[str, float],
    keys: Sequence[str],
    features: Sequence[str],
    categorical: Sequence[str],
    params: MonitoringParams,
) -> Reference:
    """Build the reference: histograms of a model's training features, and of its scores on held-out rows.

    Args:
        examples: the model's training set: keys, ``prediction_time``, features, ``label``.
        scores: held-out rows: keys, ``score``, ``decision``. On its training rows a model is overconfident, so with
            them every month would seem to have drifted.
        model_version: the version that was trained on ``examples``.
        metrics: metric -> its value at evaluation.
        keys: entity keys.
        features: names of all features.
        categorical: the names of the categorical features; the others are numbers.
        params: parameters of monitoring.

    Raises:
        PodiumError: a column is missing, or one of the two frames has no rows.
    """
    require_columns(examples, [*keys, "prediction_time", *features, "label"], "The reference window")
    require_columns(scores, [*keys, *SCORES], "The table of held-out scores")
    types = {name: "string" if name in categorical else "double" for name in features}
    seen = sample(examples, {"prediction_time": "timestamp", **types}, [*keys, "prediction_time"], BIN_ROWS)
    scored = sample(scores, SCORES, keys, BIN_ROWS)
    _require_rows({"reference window": seen, "table of held-out scores": scored}, model_version)
    bins, score_bins = _cut(seen, types, params), _cut(scored, SCORES, params)
    held = _rows(examples, {**bins, "label": LABEL}) | _rows(scores, score_bins)
    negative, positive = held.pop("label")[:2]
    return Reference(
        model_version=model_version,
        metrics=metrics,
        bins=bins | score_bins,
        rows=held,
        sample=seen.head(params.sample_rows),
        scores=scored["score"],
        positive_rate=float(positive / (negative + positive)),
    )


def _require_rows(samples: Mapping[str, pd.DataFrame], model_version: str) -> None:
    empty = [name for name, rows in samples.items() if rows.empty]
    if not empty:
        return
    if len(empty) == len(samples):
        why = (
            "The champion's training set is no longer in the table, for instance because a feature's type has changed."
        )
    else:
        why = "All rows of the champion's training set lie on one side of the moment at which its held-out days begin."
    raise PodiumError(
        f"Monitoring has no reference to compare with: the {' and the '.join(empty)} of champion {model_version} "
        f"{'is' if len(empty) == 1 else 'are'} empty. {why} Run training, evaluation and deployment again."
    )


def _cut(sampled: pd.DataFrame, types: Mapping[str, str], params: MonitoringParams) -> dict[str, Bins]:
    return {
        name: cut_categories(sampled[name], params.level_share)
        if dtype == "string"
        else cut_numbers(sampled[name], params.bins)
        for name, dtype in types.items()
    }


def _rows(frame: DataFrame, bins: Mapping[str, Bins]) -> dict[str, np.ndarray]:
    found = histograms(count(frame, bins, F.lit(0)), bins)
    return {name: windows[0] for name, windows in found.items()}


def sample(frame: DataFrame, types: Mapping[str, str], keys: Sequence[str], rows: int) -> pd.DataFrame:
    """A pseudo-random sample that is the same on every engine: the ``rows`` rows whose keys have the lowest hash.

    Args:
        frame: the rows to sample.
        types: the columns to fetch, name -> Spark type.
        keys: the columns that identify a row.
        rows: upper bound of the sample, which is collected.
    """
    wanted = [F.col(f"`{name}`").cast(dtype).alias(name) for name, dtype in types.items()]
    return sampled(frame, keys, rows).select(*wanted).toPandas()


def require_columns(frame: DataFrame, columns: Sequence[str], what: str) -> None:
    """Check that a frame has these columns.

    Raises:
        PodiumError: columns are missing; the message names all of them.
    """
    have = frame.columns
    missing = [name + did_you_mean(name, have) for name in columns if name not in have]
    if missing:
        raise PodiumError(f"{what} lacks columns: {', '.join(missing)}. Rerun the pipeline that writes it.")
