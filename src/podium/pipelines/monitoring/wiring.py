"""What the nodes of monitoring hand to its functions: the champion's reference, and what is known at the moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.errors import PodiumError
from podium.models.scoring import add_scores
from podium.pipelines.inference.nodes import InferenceParams
from podium.problems.base import Problem
from podium.registry.versions import ModelVersion

from . import nodes
from .parameters import MonitoringParams
from .reference import Reference

__all__ = ["labels_known", "reference"]


def reference(
    champion: ModelVersion | None,
    examples: DataFrame,
    inference: InferenceParams,
    parameters: MonitoringParams,
    *,
    problem: Problem,
) -> Reference:
    """What the champion was trained on, how it scores what it had not seen, and its figures on that."""
    if champion is None:
        raise PodiumError(f"{problem.name} has no champion to watch. Run: kedro run --pipeline deployment")
    mine = examples.filter(F.col("as_of") == F.lit(champion.as_of))
    held_out_from = F.lit(champion.held_out_from)
    unseen = add_scores(mine.filter(F.col("prediction_time") >= held_out_from), champion.model, digest=champion.digest)
    decided = unseen.withColumn("decision", (F.col("score") >= inference.decision_threshold).cast("int"))
    return nodes.profile_reference(
        mine.filter(F.col("prediction_time") < held_out_from),
        decided,
        champion.version,
        _metrics(champion.tags),
        parameters,
        keys=problem.keys,
        features=list(champion.model.features),
        categorical=problem.categorical,
    )


def _metrics(tags: Mapping[str, str]) -> dict[str, float]:
    prefix = "podium.metric."
    return {key.removeprefix(prefix): float(value) for key, value in tags.items() if key.startswith(prefix)}


def labels_known(as_of: datetime, *bronze: DataFrame, problem: Problem) -> DataFrame:
    """The labels that were knowable at ``as_of``."""
    known = {
        name: frame.filter(F.col("available_at") <= F.lit(as_of))
        for name, frame in zip(problem.label_reads, bronze, strict=True)
    }
    return problem.labels(known)
