"""The champion, with the rows that it learned from and those that it never saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
from kedro.framework.context import KedroContext

from podium.errors import PodiumError
from podium.pipelines.evaluation.assessment import holdout_rows
from podium.pipelines.evaluation.parameters import EvaluationParams
from podium.pipelines.training.nodes import training_rows
from podium.pipelines.training.parameters import TrainingParams
from podium.problems import PROBLEMS
from podium.problems.base import Problem
from podium.project_parameters import parameters_model
from podium.registry.versions import ModelVersion

__all__ = ["Bench", "bench"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """A champion and the training set that it was made from, cut where its training ended.

    Attributes:
        problem: the ML question.
        champion: the version, its bytes checked.
        learned: what it was trained on: keys, features, ``prediction_time``, ``label``, sorted by key.
        unseen: the held-out rows after that, with ``score``, the champion's, and a column ``slice_<name>`` for each
            slice of the problem.
        trained_until: the last moment that it learned from.
        training, evaluation: the parameters, with the days that this champion left out.
    """

    problem: Problem = field(repr=False)
    champion: ModelVersion = field(repr=False)
    learned: pd.DataFrame = field(repr=False)
    unseen: pd.DataFrame = field(repr=False)
    trained_until: datetime
    training: TrainingParams = field(repr=False)
    evaluation: EvaluationParams = field(repr=False)


def bench(context: KedroContext, problem: str = "flight_delay") -> Bench:
    """The champion of an environment, on the bench.

    Raises:
        PodiumError: there is no champion, or its training set is not there; it says what to run.
    """
    definition, catalog = PROBLEMS[problem], context.catalog
    champion: ModelVersion | None = catalog.load(f"{problem}.champion")
    if champion is None:
        raise PodiumError(f"{problem} has no champion yet. Run: make demo, or the pipelines up to deployment.")
    training, evaluation = _parameters(context, problem, champion.holdout_days)
    examples = catalog.load(f"{problem}.champion_examples")
    unseen = holdout_rows(examples, champion.as_of, evaluation, keys=definition.keys, slices=definition.slices)
    trained_until = datetime.fromisoformat(champion.training["trained_until"])
    _require_unseen(unseen, trained_until)
    return Bench(
        problem=definition,
        champion=champion,
        learned=training_rows(examples, champion.as_of, training, problem=definition),
        unseen=unseen.assign(score=champion.model.score(unseen)),
        trained_until=trained_until,
        training=training,
        evaluation=evaluation,
    )


def _parameters(context: KedroContext, problem: str, holdout_days: int) -> tuple[TrainingParams, EvaluationParams]:
    """As configured, but with the days that this champion left out: they may be configured otherwise by now."""
    found: Any = getattr(parameters_model().model_validate(context.config_loader["parameters"]), problem)
    own = {"holdout_days": holdout_days}
    return found.training.model_copy(update=own), found.evaluation.model_copy(update=own)


def _require_unseen(rows: pd.DataFrame, trained_until: datetime) -> None:
    first = rows["prediction_time"].min()
    if first <= trained_until:
        raise PodiumError(
            f"The champion was trained until {trained_until}, and the rows to judge it by begin at {first}."
        )
