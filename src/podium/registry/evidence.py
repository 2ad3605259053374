"""Evidence: the results of evaluating a candidate, kept in the MLflow run of the evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
from mlflow import MlflowClient

from podium.errors import PodiumError
from podium.lakehouse.run_command import run_command

from .lookups import json_document, newest_run

__all__ = ["Evidence", "log_evidence", "newest_evidence"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The results of evaluating one candidate, which ``digest`` identifies.

    Attributes:
        digest: the candidate's digest.
        champion: digest of the champion that it was compared with; empty if there was none.
        evaluation: metrics, intervals, slices and checks, as JSON values.
        metrics: the metrics that the MLflow run shows.
        pictures: PNG files by name.
        card: the model card, a page of HTML.
    """

    digest: str
    champion: str
    evaluation: Mapping[str, Any]
    metrics: Mapping[str, float]
    pictures: Mapping[str, bytes]
    card: str


def log_evidence(problem: str, evidence: Evidence) -> None:
    """Log the evidence to the active MLflow run. Set the tags last, so that a search finds only complete evidence."""
    mlflow.log_metrics(dict(evidence.metrics))
    with TemporaryDirectory() as folder:
        for name, png in evidence.pictures.items():
            Path(folder, f"{name}.png").write_bytes(png)
        mlflow.log_artifacts(folder, "pictures")
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
        raise PodiumError(f"{problem}: no candidate has been evaluated yet. Run: {run_command('evaluation')}")
    return Evidence(
        digest=run.data.tags["podium.evaluates"],
        champion=run.data.tags["podium.champion"],
        evaluation=json_document(client, run.info.run_id, "evaluation.json"),
        metrics=run.data.metrics,
        pictures={},
        card=mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/model_card.html"),
    )
