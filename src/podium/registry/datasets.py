"""Kedro datasets that are stored in MLflow: candidate, evidence, champion and trials."""

import time
from typing import Any

import mlflow
import pandas as pd
from kedro.io import AbstractDataset
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from podium.lakehouse import access
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.preview_types import JSONPreview, TablePreview
from podium.lakehouse.run_command import run_command

from . import model_preview
from .candidate import Candidate, log_candidate, newest_candidate
from .evidence import Evidence, log_evidence, newest_evidence
from .versions import CHAMPION, Decision, ModelVersion, apply, load_version

__all__ = ["CandidateDataset", "ChampionDataset", "EvidenceDataset", "TrialsDataset"]

# All datasets of this module belong to this zone of access.yml.
REGISTRY = "registry"


class CandidateDataset(AbstractDataset[Candidate, Candidate]):
    """The newest candidate of a problem, stored in the MLflow run that trained it."""

    zone = REGISTRY

    def __init__(self, *, problem: str, metadata: dict[str, Any] | None = None):
        self._problem = problem
        self.metadata = metadata
        self.loaded_version: str | None = None
        self.saved_version: str | None = None

    def load(self) -> Candidate:
        """Load the newest candidate, and check the digests of its files and code."""
        access.require("read", self.zone, f"{self._problem}: the candidate")
        found = newest_candidate(self._problem)
        self.loaded_version = found.digest
        return found

    def save(self, data: Candidate) -> None:
        """Log the candidate to the active MLflow run."""
        access.require("write", self.zone, f"{self._problem}: the candidate")
        self.saved_version = log_candidate(self._problem, data)

    def preview(self, uri: str) -> "JSONPreview":
        """A preview of the newest candidate for kedro-viz, read from the MLflow at ``uri``."""
        return model_preview.candidate(uri, self._problem)

    def _describe(self) -> dict[str, Any]:
        return {"problem": self._problem}


class EvidenceDataset(AbstractDataset[Evidence, Evidence]):
    """The evidence (metrics and checks) of a problem's newest evaluation, stored in that evaluation's MLflow run."""

    zone = REGISTRY

    def __init__(self, *, problem: str, metadata: dict[str, Any] | None = None):
        self._problem = problem
        self.metadata = metadata

    def load(self) -> Evidence:
        """Load the evidence of the newest evaluation, without its pictures."""
        access.require("read", self.zone, f"{self._problem}: the evidence")
        return newest_evidence(self._problem)

    def save(self, data: Evidence) -> None:
        """Log the evidence to the active MLflow run."""
        access.require("write", self.zone, f"{self._problem}: the evidence")
        log_evidence(self._problem, data)

    def preview(self, uri: str) -> "JSONPreview":
        """A preview for kedro-viz: metrics and checks of the newest evaluation."""
        return model_preview.evidence(uri, self._problem)

    def _describe(self) -> dict[str, Any]:
        return {"problem": self._problem}


class ChampionDataset(AbstractDataset[Decision, ModelVersion | None]):
    """The champion of a problem. Saving applies deployment's decision; loading returns the champion's version."""

    zone = REGISTRY

    def __init__(self, *, problem: str, metadata: dict[str, Any] | None = None):
        self._problem = problem
        self.metadata = metadata
        self.loaded_version: str | None = None
        self.saved_version: str | None = None

    def load(self) -> ModelVersion | None:
        """Load the champion, and check the digests of its files and code. None if there is no champion."""
        access.require("read", self.zone, f"{self._problem}: the champion")
        found = load_version(self._problem, CHAMPION)
        self.loaded_version = found.version if found else None
        return found

    def save(self, data: Decision) -> None:
        """Register the candidate. Make it challenger, or champion if every check passed."""
        access.require("write", self.zone, f"{self._problem}: the champion")
        version = self.saved_version = apply(self._problem, data)
        mlflow.set_tags({"podium.version": version, "podium.decision": "promoted" if data.promote else "refused"})

    def preview(self, uri: str) -> "JSONPreview":
        """A preview for kedro-viz: version, SHA-256, metrics and checks of the champion."""
        return model_preview.champion(uri, self._problem)

    def _describe(self) -> dict[str, Any]:
        return {"problem": self._problem}


class TrialsDataset(AbstractDataset[pd.DataFrame, None]):
    """The tuning trials. Saving writes each trial as a child run of the active MLflow run; loading is refused.

    Each row has ``algorithm``, ``number``, ``params`` (JSON text) and one column for each metric.
    """

    zone = REGISTRY

    def __init__(self, *, problem: str, metadata: dict[str, Any] | None = None):
        self._problem = problem
        self.metadata = metadata

    def load(self) -> None:
        """Always raise an error: trials are written only for people, who look at them in MLflow."""
        raise LakehouseError(
            "Trials cannot be loaded as a dataset. They are child runs of the training run: look at them in MLflow."
        )

    def save(self, data: pd.DataFrame) -> None:
        """Create one child run for each trial, with its metrics and hyperparameters."""
        access.require("write", self.zone, "trials")
        parent = mlflow.active_run()
        if parent is None:
            raise LakehouseError(
                f"The trials were not logged, because no MLflow run is active. Run: {run_command('training')}"
            )
        client, now = MlflowClient(), int(time.time() * 1000)
        for trial in data.to_dict("records"):
            name = f"{trial['algorithm']}-{trial['number']}"
            tags = {"mlflow.parentRunId": parent.info.run_id, "mlflow.runName": name}
            run = client.create_run(parent.info.experiment_id, tags=tags)
            numbers = {k: v for k, v in trial.items() if isinstance(v, float | int) and k != "number" and pd.notna(v)}
            client.log_batch(
                run.info.run_id,
                metrics=[Metric(str(key), float(value), now, 0) for key, value in numbers.items()],
                params=[Param("algorithm", trial["algorithm"]), Param("params", trial["params"])],
            )
            client.set_terminated(run.info.run_id)

    def preview(self, uri: str) -> "TablePreview":
        """A preview for kedro-viz: the trials of the run that trained the newest candidate."""
        return model_preview.trials(uri, self._problem)

    def _describe(self) -> dict[str, Any]:
        return {"problem": self._problem}
