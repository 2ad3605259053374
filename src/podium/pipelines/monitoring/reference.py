"""The reference: what a model was trained on, and how it scored what it had not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.errors import PodiumError, did_you_mean

from .histograms import Bins, Numbers, count, cut_categories, cut_numbers, histograms
from .parameters import MonitoringParams

__all__ = ["SCORES", "Reference", "profile", "require_columns", "sample"]

SCORES = {"score": "double", "decision": "string"}
LABEL = Numbers((0.5,))
# Deciles of 20,000 rows are within 0.3% of those of all rows; every row is then counted in the bins they make.
BIN_ROWS = 20_000


@dataclass(frozen=True)
class Reference:
    """What the months are compared with.

    Attributes:
        model_version: the version that all this is about.
        metrics: metric -> its value on held-out rows, from the evaluation.
        bins: how each feature, the score and the decision are cut.
        rows: how many rows of the reference each bin holds.
        sample: some rows of the reference window: ``prediction_time`` and the features.
        scores: some held-out scores.
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
    """Histograms of the features that a model was trained on, and of its scores on held-out rows.

    Args:
        examples: the model's training set: keys, ``prediction_time``, features, ``label``.
        scores: rows that the model had not seen in training: keys, ``score``, ``decision``. On rows of the training set
            a model is surer than it should be, and every month would seem to have drifted.
        model_version: the version that was trained on ``examples``.
        metrics: metric -> its value at evaluation.
        keys: entity keys.
        features: names of all features.
        categorical: those among them that are categories; the others are numbers.
        params: parameters of monitoring.

    Raises:
        PodiumError: a column is missing, or one of the two frames has no rows.
    """
    require_columns(examples, [*keys, "prediction_time", *features, "label"], "The reference window")
    require_columns(scores, [*keys, *SCORES], "The table of held-out scores")
    types = {name: "string" if name in categorical else "double" for name in features}
    seen = sample(examples, {"prediction_time": "timestamp", **types}, [*keys, "prediction_time"], BIN_ROWS)
    scored = sample(scores, SCORES, keys, BIN_ROWS)
    for name, rows in (("reference window", seen), ("table of held-out scores", scored)):
        if rows.empty:
            raise PodiumError(
                f"Monitoring has nothing to compare with: the {name} of champion {model_version} is empty. Its "
                "training set is no longer in the table, for instance because a feature's type has changed since. Run "
                "training, evaluation and deployment again."
            )
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
    """Up to ``rows`` rows that look random and are the same on every engine: those whose keys have the lowest hash.

    Args:
        frame: the rows to choose from.
        types: the columns to fetch, name -> Spark type.
        keys: the columns that identify a row.
        rows: how many rows at most; they are collected.
    """
    order = F.md5(F.concat_ws("|", *(F.col(key).cast("string") for key in keys)))
    wanted = [F.col(f"`{name}`").cast(dtype).alias(name) for name, dtype in types.items()]
    return frame.select(order.alias("_order"), *wanted).orderBy("_order").limit(rows).drop("_order").toPandas()


def require_columns(frame: DataFrame, columns: Sequence[str], what: str) -> None:
    """Refuse a frame that lacks columns, naming all of them.

    Raises:
        PodiumError: columns are missing.
    """
    have = frame.columns
    missing = [name + did_you_mean(name, have) for name in columns if name not in have]
    if missing:
        raise PodiumError(f"{what} lacks columns: {', '.join(missing)}. Run the pipeline that writes it again.")
