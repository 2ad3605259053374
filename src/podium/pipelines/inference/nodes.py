"""Batch scoring of every request since the last run, with the features known at the request's time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import INSTANT
from podium.errors import PodiumError
from podium.features.feature_join import described, described_few, requests_between
from podium.features.refreshes import require_usable
from podium.lakehouse.batches import as_frame
from podium.lakehouse.run_command import run_command
from podium.lakehouse.table import Rows, Unchanged
from podium.models.scoring import add_scores
from podium.pipelines.ingestion.intakes import changed_since, completed, taken_in_so_far
from podium.problems.base import Params, Problem
from podium.registry.versions import ModelVersion

from .changed_definitions import require_same_features

# Up to this number of requests, such as those of an hour, this process scores; beyond it, the engine's workers.
FEW = 2_000


class InferenceParams(Params):
    """The lowest score that counts as a positive decision."""

    decision_threshold: float = 0.5


def score(
    as_of: datetime,
    parameters: InferenceParams,
    champion: ModelVersion | None,
    examples: Callable[[], DataFrame | None],
    seen: DataFrame | None,
    marks: DataFrame | None,
    refreshes: DataFrame,
    intake: DataFrame,
    *frames: DataFrame,
    problem: Problem,
) -> tuple[Rows | Unchanged, Rows]:
    """Score the requests that the champion has not scored yet.

    Returns the new rows of the prediction log (keys, times, model version, score, decision and features), and the mark
    up to which the champion has scored. The log is written first.

    Args:
        as_of: the time of the run. Requests up to it are scored, each as of its own ``prediction_time``.
        parameters: the decision threshold.
        champion: the model version that scores.
        examples: loads the training set of the champion. Called only if definitions of features have changed since.
        seen: the prediction log so far.
        marks: how far each model version has scored.
        refreshes: how far the feature tables reach, and which code computed them.
        intake: the records of intakes.
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
    taken_in = completed(intake)
    require_same_features(champion, examples, bronze, tables, taken_in, problem)
    mark = _mark(marks, champion) if seen is not None else None
    after = _after(mark, champion, taken_in)
    # A run for an earlier time looks at no later request, so it leaves the mark as it is.
    now = Mark(as_of, taken_in_so_far(taken_in, problem.request_reads))
    reached = _marked(champion, mark if mark is not None and as_of < mark.until else now)
    asked = requests_between(bronze, problem, after=after, until=as_of)
    if seen is not None:
        mine = seen.filter((F.col("model_version") == champion.version) & (F.col("prediction_time") > F.lit(after)))
        asked = asked.join(mine.select(*problem.keys), list(problem.keys), "left_anti")
    features = [name for name in problem.feature_names if name not in problem.keys]
    some = asked.limit(FEW + 1).toArrow()
    # Without requests, still save the frame if the log lacks a feature of the champion: monitoring needs its column.
    if seen is not None and not len(some) and set(features) <= set(seen.columns):
        nothing = Unchanged(f"version {champion.version} has scored every request up to {as_of:%Y-%m-%d %H:%M}")
        return nothing, reached
    if 0 < len(some) <= FEW:
        described_now = described_few(some, tables, problem, after=after)
        scored = as_frame(add_scores(described_now, champion.model, digest=champion.digest))
    else:
        described_now = described(asked, tables, problem, after=after)
        scored = add_scores(described_now, champion.model, digest=champion.digest)
    rows = scored.select(
        *problem.keys,
        "prediction_time",
        F.current_timestamp().alias("scored_at"),
        F.lit(champion.version).alias("model_version"),
        "score",
        (F.col("score") >= parameters.decision_threshold).cast("int").alias("decision"),
        *features,
    )
    return Rows(frame=rows, keys=(*problem.keys, "prediction_time", "model_version")), reached


@dataclass(frozen=True)
class Mark:
    """How far a model version has scored: requests up to ``until``, among the rows of the intakes that it has ``seen``.

    ``seen`` has, for each event that requests are built from, the number of its newest intake.
    """

    until: datetime
    seen: Mapping[str, int]


def _mark(marks: DataFrame | None, champion: ModelVersion) -> Mark | None:
    """The mark of a model version, if it has scored before."""
    if marks is None:
        return None
    found = marks.filter(F.col("model_version") == champion.version).toPandas()
    if found.empty:
        return None
    until = pd.to_datetime(found["until"], utc=True).iloc[0].to_pydatetime()
    return Mark(until, json.loads(found["seen"].iloc[0]))


def _after(mark: Mark | None, champion: ModelVersion, taken_in: pd.DataFrame) -> datetime:
    """The time after which requests may be unscored: since the mark, or since facts that were taken in late."""
    if mark is None:
        return champion.as_of
    changed_from = changed_since(taken_in, mark.seen)
    late = mark.until if changed_from is None else changed_from.to_pydatetime() - INSTANT
    return max(champion.as_of, min(mark.until, late))


def _marked(champion: ModelVersion, mark: Mark) -> Rows:
    table = pa.table(
        {"model_version": [champion.version], "until": [mark.until], "seen": [json.dumps(mark.seen)]},
        schema=pa.schema(
            [("model_version", pa.string()), ("until", pa.timestamp("us", tz="UTC")), ("seen", pa.string())]
        ),
    )
    return Rows(frame=as_frame(table), keys=("model_version",))
