"""Assess a candidate on held-out rows: metrics, checks, pictures, model card.

The drawing modules are imported inside functions, because every Kedro command imports this module and matplotlib is
slow to load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.models import Model, ModelError, bootstrap
from podium.models.metrics import METRICS

from . import estimates, explain, model_card
from .explain import Explanation
from .gate_checks import gate_checks
from .parameters import EvaluationParams
from .records import Evaluation, EvaluationError, Scores, Window
from .slices import PREFIX, by_slice, records, slice_columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw", "evaluate", "explain_candidate", "flat_metrics", "holdout_rows", "write_model_card"]


def holdout_rows(
    examples: DataFrame, as_of: datetime, params: EvaluationParams, *, keys: Sequence[str], slices: Mapping[str, str]
) -> pd.DataFrame:
    """The held-out rows, on which models are compared: the last days of a training set. Training does not use them.

    Args:
        examples: training sets, with the columns ``as_of``, keys, ``prediction_time``, features, ``label``.
        as_of: selects the training set.
        params: ``holdout_days`` and ``settle_hours`` are used.
        keys: entity keys; the rows are sorted by them.
        slices: slice name -> Spark SQL expression of a column to slice by.

    Returns:
        One row for each example, with a column ``slice_<name>`` for each slice.

    Raises:
        EvaluationError: there are no such rows, or all have the same label.
    """
    moment = _utc(as_of)
    first, last = moment - pd.Timedelta(days=params.holdout_days), moment - pd.Timedelta(hours=params.settle_hours)
    time = F.col("prediction_time")
    held_out = examples.filter((F.col("as_of") == F.lit(moment)) & (time >= F.lit(first)) & (time < F.lit(last)))
    sliced = held_out.select("*", *[F.expr(sql).alias(f"{PREFIX}{name}") for name, sql in slices.items()])
    rows = sliced.toArrow().to_pandas().sort_values(list(keys), kind="stable", ignore_index=True)
    where = f"The training set of {moment:%Y-%m-%d %H:%M} UTC has"
    if rows.empty:
        raise EvaluationError(
            f"{where} no held-out rows to evaluate on: no row has a prediction time from {first:%Y-%m-%d %H:%M} to "
            f"{last:%Y-%m-%d %H:%M} UTC. Run training for this as_of, choose a later as_of, or increase "
            "evaluation.holdout_days."
        )
    if rows["label"].nunique() < 2:
        raise EvaluationError(
            f"{where} {len(rows):,} held-out rows, and all have label {rows['label'].iloc[0]}; evaluation needs both "
            "labels. Choose a later as_of, or increase evaluation.holdout_days."
        )
    return rows


def explain_candidate(candidate: Model, rows: pd.DataFrame, params: EvaluationParams) -> Explanation:
    """Explain the candidate's scores on a seeded sample of the held-out rows."""
    return explain.explain(candidate, rows, params.explain_rows, params.seed)


def evaluate(
    candidate: Model,
    baseline: Model,
    rows: pd.DataFrame,
    params: EvaluationParams,
    *,
    as_of: datetime,
    trained_until: datetime | None,
    champion: Model | None = None,
) -> Evaluation:
    """Measure candidate, baseline and, if there is one, champion on the same rows.

    Args:
        candidate: the model that may be deployed.
        baseline: the model that it must beat.
        rows: the held-out rows, from ``holdout_rows``.
        params: thresholds, bootstrap, slices.
        as_of: the moment of the run.
        trained_until: the latest prediction time that the candidate was trained on; None fails the check ``unseen``.
        champion: the deployed model.

    Raises:
        EvaluationError: the rows lack a column that a model needs, or a score is not a probability.
    """
    label = rows["label"].to_numpy(dtype=np.int64)
    day = pd.factorize(rows["prediction_time"].dt.tz_convert(params.time_zone).dt.normalize(), sort=True)[0]
    draws = bootstrap.draw_days(int(day.max()) + 1, params.resamples, params.seed)
    models = _present(candidate, baseline, champion)
    score = {who: _scored(model, rows, who) for who, model in models.items()}
    measured = {who: _measured(label, values, day, draws) for who, values in score.items()}
    sliced = records(by_slice(rows, score["candidate"], slice_columns(rows), params.slice_min_rows))
    gains = {who: estimates.difference(measured["candidate"], other) for who, other in measured.items()}
    window = _window(rows, day, as_of, trained_until)
    ours, champions_gain = measured["candidate"][0], gains.get("champion")
    return Evaluation(
        algorithms={who: model.algorithm for who, model in models.items()},
        features=len(candidate.features),
        window=window,
        rows=len(rows),
        positive_rate=estimates.positive_rate(label, day, draws),
        candidate=ours,
        baseline=measured["baseline"][0],
        champion=measured["champion"][0] if champion is not None else None,
        gain_over_baseline=gains["baseline"],
        gain_over_champion=champions_gain,
        calibration=estimates.calibration_bins(label, score["candidate"], day, draws),
        slices=sliced,
        checks=gate_checks(
            params.thresholds,
            rows=len(rows),
            window=window,
            candidate=ours,
            gain_over_baseline=gains["baseline"],
            gain_over_champion=champions_gain,
            slices=sliced,
        ),
    )


def draw(
    candidate: Model,
    baseline: Model,
    rows: pd.DataFrame,
    *,
    evaluation: Evaluation,
    explanation: Explanation,
    params: EvaluationParams,
    champion: Model | None = None,
) -> dict[str, Figure]:
    """Return the pictures by name: roc, precision_recall, calibration, and slices and explanation if there are any."""
    from . import pictures
    from .beeswarm import beeswarm
    from .slice_picture import slices

    models = _present(candidate, baseline, champion)
    scored = pictures.Scored(
        label=rows["label"].to_numpy(dtype=np.int64),
        scores={who: _scored(model, rows, who) for who, model in models.items()},
    )
    drawn = {
        "roc": pictures.roc(scored, evaluation, params.words),
        "precision_recall": pictures.precision_recall(scored, evaluation, params.words),
        "calibration": pictures.calibration(scored, evaluation, params.words),
    }
    if evaluation.slices:
        drawn["slices"] = slices(evaluation, params.words)
    if explanation.names:
        drawn["explanation"] = beeswarm(explanation, params.words)
    return drawn


def write_model_card(
    evaluation: Evaluation,
    explanation: Explanation,
    pictures: Mapping[str, bytes],
    params: EvaluationParams,
    *,
    title: str,
    owner: str,
) -> tuple[str, str]:
    """Return the model card as one HTML page with its pictures (PNG), and as Markdown without pictures."""
    card = model_card.Card(title, owner, evaluation, explanation, params)
    return model_card.html(card, pictures), model_card.markdown(card)


def flat_metrics(evaluation: Evaluation) -> dict[str, float]:
    """The metrics of an evaluation as one flat dictionary for MLflow. Undefined metrics are left out.

    The candidate's metrics have no prefix (``auc``, ``auc_low``, ``auc_high``); the others have one
    (``baseline_auc``, ``gain_over_baseline_auc_low``). ``checks_failed`` is a count.
    """
    groups: dict[str, Scores | None] = {
        "": evaluation.candidate,
        "baseline_": evaluation.baseline,
        "champion_": evaluation.champion,
        "gain_over_baseline_": evaluation.gain_over_baseline,
        "gain_over_champion_": evaluation.gain_over_champion,
    }
    flat: dict[str, float | None] = {
        "rows": float(evaluation.rows),
        "positive_rate": evaluation.positive_rate.value,
        "checks_failed": float(sum(not check.passed for check in evaluation.checks)),
    }
    for prefix, scores in groups.items():
        for metric in METRICS if scores is not None else ():
            estimate = getattr(scores, metric)
            flat |= {f"{prefix}{metric}": estimate.value}
            flat |= {f"{prefix}{metric}_low": estimate.low, f"{prefix}{metric}_high": estimate.high}
    return {name: value for name, value in flat.items() if value is not None}


def _present(candidate: Model, baseline: Model, champion: Model | None) -> dict[str, Model]:
    models = {"candidate": candidate, "baseline": baseline}
    return models | ({"champion": champion} if champion is not None else {})


def _scored(model: Model, rows: pd.DataFrame, who: str) -> np.ndarray:
    """Score the rows; refuse scores that are not probabilities, because they could still give plausible metrics."""
    try:
        score = np.asarray(model.score(rows), dtype=np.float64)
    except ModelError as cause:
        raise EvaluationError(f"The {who} ({model.algorithm}) cannot score the held-out rows. {cause}") from cause
    good = (score >= 0) & (score <= 1)
    if score.shape != (len(rows),) or not good.all():
        raise EvaluationError(
            f"The {who} ({model.algorithm}) gave {int((~good).sum()):,} scores that are not probabilities, in an array "
            f"of shape {score.shape} for {len(rows):,} rows. Check the model's score function."
        )
    return score


def _measured(label: np.ndarray, score: np.ndarray, day: np.ndarray, draws: np.ndarray) -> estimates.Measured:
    resampled = bootstrap.resample(label, score, day, draws)
    return estimates.scores(label, score, resampled), resampled


def _window(rows: pd.DataFrame, day: np.ndarray, as_of: datetime, trained_until: datetime | None) -> Window:
    time = rows["prediction_time"]
    return Window(
        as_of=_utc(as_of),
        first=_utc(time.min()),
        last=_utc(time.max()),
        days=int(day.max()) + 1,
        trained_until=None if trained_until is None else _utc(trained_until),
    )


def _utc(moment: datetime) -> pd.Timestamp:
    """The moment in UTC. A moment without a time zone is taken as UTC."""
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
