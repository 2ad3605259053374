"""Evidence: the results of evaluating a candidate, kept in the MLflow run of the evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mlflow
from mlflow import MlflowClient

from podium.errors import PodiumError

from .lookups import json_document, newest_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Evidence", "log_evidence", "newest_evidence"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The results of evaluating one candidate, which ``digest`` identifies.

    Attributes:
        digest: the candidate's digest.
        champion: digest of the champion that it was compared with; empty if there was none.
        evaluation: metrics, intervals, slices and checks, as JSON values.
        metrics: the metrics that the MLflow run shows.
        figures: pictures by name.
        card: the model card, a page of HTML.
    """

    digest: str
    champion: str
    evaluation: Mapping[str, Any]
    metrics: Mapping[str, float]
    figures: Mapping[str, Figure]
    card: str


def log_evidence(problem: str, evidence: Evidence) -> None:
    """Log the evidence to the active MLflow run. Set the tags last, so that a search finds only complete evidence."""
    mlflow.log_metrics(dict(evidence.metrics))
    for name, figure in evidence.figures.items():
        mlflow.log_figure(figure, f"pictures/{name}.png")
    mlflow.log_text(evidence.card, "model_card.html")
    mlflow.log_text(json.dumps(evidence.evaluation, indent=1), "evaluation.json")
    mlflow.set_tags(
        {
            "podium.problem": problem,
            "podium.champion": evidence.champion,
            "podium.evaluates": evidence.digest,
            "podium.kind": "evidence",
        }
    )


def newest_evidence(problem: str) -> Evidence:
    """Load the evidence of a problem's newest evaluation, without its pictures."""
    client = MlflowClient()
    run = newest_run(client, kind="evidence", problem=problem)
    if run is None:
        raise PodiumError(f"{problem}: no candidate has been evaluated yet. Run: kedro run --pipelines evaluation")
    return Evidence(
        digest=run.data.tags["podium.evaluates"],
        champion=run.data.tags["podium.champion"],
        evaluation=json_document(client, run.info.run_id, "evaluation.json"),
        metrics=run.data.metrics,
        figures={},
        card=mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/model_card.html"),
    )
