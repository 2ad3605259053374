"""The champion with its training rows and its held-out rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
from kedro.framework.context import KedroContext

from podium.errors import PodiumError
from podium.lakehouse.run_command import run_command
from podium.pipelines.evaluation.assessment import holdout_rows
from podium.pipelines.evaluation.parameters import EvaluationParams
from podium.pipelines.training.nodes import training_rows
from podium.pipelines.training.parameters import TrainingParams
from podium.problems.base import Problem
from podium.project_parameters import parameters_model
from podium.registered import problems
from podium.registry.versions import ModelVersion

__all__ = ["Bench", "bench"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """A champion and its training set, split into training rows and held-out rows.

    Attributes:
        problem: the ML question.
        champion: the model version, its digest checked.
        learned: the training rows: keys, features, ``prediction_time``, ``label``, sorted by key.
        unseen: the later, held-out rows, with the champion's ``score`` and a column ``slice_<name>`` for each slice of
            the problem.
        trained_until: the latest prediction time of the training rows.
        training, evaluation: the parameters, with the ``holdout_days`` of this champion.
    """

    problem: Problem = field(repr=False)
    champion: ModelVersion = field(repr=False)
    learned: pd.DataFrame = field(repr=False)
    unseen: pd.DataFrame = field(repr=False)
    trained_until: datetime
    training: TrainingParams = field(repr=False)
    evaluation: EvaluationParams = field(repr=False)


def bench(context: KedroContext, problem: str = "flight_delay") -> Bench:
    """Load the champion of an environment with its training rows and its held-out rows.

    Raises:
        PodiumError: there is no champion, or its training set is gone; the message says what to run.
    """
    definition, catalog = problems()[problem], context.catalog
    champion: ModelVersion | None = catalog.load(f"{problem}.champion")
    if champion is None:
        raise PodiumError(
            f"{problem} has no champion yet. To create one, run make demo, or: "
            + run_command("eda", "feature_engineering", "training", "evaluation", "deployment")
        )
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
    """The configured parameters, but with the ``holdout_days`` with which the champion was trained."""
    found: Any = getattr(parameters_model().model_validate(context.config_loader["parameters"]), problem)
    own = {"holdout_days": holdout_days}
    return found.training.model_copy(update=own), found.evaluation.model_copy(update=own)


def _require_unseen(rows: pd.DataFrame, trained_until: datetime) -> None:
    first = rows["prediction_time"].min()
    if first <= trained_until:
        raise PodiumError(
            f"The held-out rows begin at {first}, but the champion was trained on rows up to {trained_until}, so it "
            "has already seen some of them. Train and deploy a new champion."
        )
