"""The nodes of evaluation: select the held-out rows, measure the models, collect the evidence for deployment."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
from pyspark.sql import DataFrame

from podium.errors import PodiumError
from podium.features.code import changed_definitions
from podium.lakehouse.run_command import run_command
from podium.models import Model
from podium.problems.base import Problem
from podium.registry.candidate import Candidate
from podium.registry.evidence import Evidence
from podium.registry.versions import ModelVersion
from podium.reports import figure_to_png

from . import assessment
from .parameters import EvaluationParams
from .records import Evaluation

__all__ = ["held_out", "measure", "show"]


def held_out(
    examples: DataFrame, candidate: Candidate, as_of: datetime, params: EvaluationParams, *, problem: Problem
) -> pd.DataFrame:
    """The held-out rows of the candidate's training set: the latest rows, on which the candidate was not trained.

    Raises:
        PodiumError: the candidate was trained as of a moment after ``as_of``, or on features that this code defines
            otherwise.
    """
    if changed := changed_definitions(candidate.training["definitions"], problem):
        raise PodiumError(
            f"The newest candidate of {problem.name} was trained on features whose definitions have changed since: "
            f"{', '.join(changed)}. Train again: {run_command('training', as_of=as_of)}. Or return to the code that it "
            "was trained with."
        )
    if candidate.as_of > as_of:
        raise PodiumError(
            f"The newest candidate of {problem.name} was trained as of {candidate.as_of:%Y-%m-%d %H:%M}, which is "
            f"after this run's as_of, {as_of:%Y-%m-%d %H:%M}. First run training with that as_of, or choose a "
            "later one for evaluation."
        )
    return assessment.holdout_rows(examples, candidate.as_of, params, keys=problem.keys, slices=problem.slices)


def measure(
    candidate: Candidate, champion: ModelVersion | None, rows: pd.DataFrame, params: EvaluationParams
) -> Evaluation:
    """Measure candidate, baseline and champion on the same held-out rows, and run the deployment gate's checks."""
    return assessment.evaluate(
        candidate.model,
        candidate.baseline,
        rows,
        params,
        as_of=candidate.as_of,
        trained_until=datetime.fromisoformat(candidate.training["trained_until"]),
        champion=_other(champion, candidate),
    )


def show(
    candidate: Candidate,
    champion: ModelVersion | None,
    rows: pd.DataFrame,
    params: EvaluationParams,
    evaluation: Evaluation,
    *,
    problem: Problem,
) -> tuple[Evidence, str]:
    """Return two things: the evidence (with pictures) on which deployment decides, and the model card as HTML."""
    model, baseline = candidate.model, candidate.baseline
    explanation = assessment.explain_candidate(model, rows, params)
    figures = assessment.draw(
        model,
        baseline,
        rows,
        evaluation=evaluation,
        explanation=explanation,
        params=params,
        champion=_other(champion, candidate),
    )
    pictures = {name: figure_to_png(figure) for name, figure in figures.items()}
    card, _ = assessment.write_model_card(
        evaluation, explanation, pictures, params, title=problem.title, owner=problem.owner
    )
    evidence = Evidence(
        digest=candidate.digest,
        champion=champion.digest if champion else "",
        evaluation=evaluation.model_dump(mode="json"),
        metrics=assessment.flat_metrics(evaluation),
        pictures=pictures,
        card=card,
    )
    return evidence, card


def _other(champion: ModelVersion | None, candidate: Candidate) -> Model | None:
    """The champion's model; None if there is no champion, or if the candidate is the champion."""
    return None if champion is None or champion.digest == candidate.digest else champion.model
