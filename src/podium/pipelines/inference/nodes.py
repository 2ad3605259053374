"""Batch scoring of every request since the champion's ``as_of``, with the features known at the request's time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.errors import PodiumError
from podium.features.feature_join import described, requests_between
from podium.features.refreshes import require_usable
from podium.lakehouse.run_command import run_command
from podium.lakehouse.table import Rows, Unchanged
from podium.models.scoring import add_scores
from podium.problems.base import Params, Problem
from podium.registry.versions import ModelVersion

from .changed_definitions import require_same_features


class InferenceParams(Params):
    """The lowest score that counts as a positive decision."""

    decision_threshold: float = 0.5


def score(
    as_of: datetime,
    parameters: InferenceParams,
    champion: ModelVersion | None,
    examples: Callable[[], DataFrame | None],
    seen: DataFrame | None,
    refreshes: DataFrame,
    *frames: DataFrame,
    problem: Problem,
) -> Rows | Unchanged:
    """Score the requests that the champion has not scored yet. Return the new rows of the prediction log.

    A row has keys, times, model version, score, decision and features.

    Args:
        as_of: the time of the run. Requests up to it are scored, each as of its own ``prediction_time``.
        parameters: the decision threshold.
        champion: the model version that scores.
        examples: loads the training set of the champion. Called only if definitions of features have changed since.
        seen: the prediction log so far.
        refreshes: how far the feature tables reach, and which code computed them.
        frames: the bronze tables that requests are built from, then the feature tables in the problem's order.
        problem: the ML question.

    Raises:
        PodiumError: there is no champion, a feature table ends before ``as_of`` or was computed by other code than that
            at hand, or features have other values than at training.
    """
    if champion is None:
        raise PodiumError(f"{problem.name} has no champion to score with. Run: {run_command('deployment')}")
    require_usable(refreshes, as_of, problem)
    bronze = dict(zip(problem.request_reads, frames, strict=False))
    tables = dict(zip(problem.uses, frames[len(bronze) :], strict=True))
    require_same_features(champion, examples, bronze, tables, problem)
    asked = requests_between(bronze, problem, after=champion.as_of, until=as_of)
    if seen is not None:
        mine = seen.filter(F.col("model_version") == champion.version).select(*problem.keys)
        asked = asked.join(mine, list(problem.keys), "left_anti")
    features = [name for name in problem.feature_names if name not in problem.keys]
    # Without requests, still save the frame if the log lacks a feature of the champion: monitoring needs its column.
    if seen is not None and set(features) <= set(seen.columns) and asked.isEmpty():
        return Unchanged(f"version {champion.version} has scored every request up to {as_of:%Y-%m-%d %H:%M}")
    scored = add_scores(described(asked, tables, problem), champion.model, digest=champion.digest)
    rows = scored.select(
        *problem.keys,
        "prediction_time",
        F.current_timestamp().alias("scored_at"),
        F.lit(champion.version).alias("model_version"),
        "score",
        (F.col("score") >= parameters.decision_threshold).cast("int").alias("decision"),
        *features,
    )
    return Rows(frame=rows, keys=(*problem.keys, "prediction_time", "model_version"))
