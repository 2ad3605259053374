"""The registry in the catalog: what nodes read from MLflow and write to it."""

import time
from typing import Any

import mlflow
import pandas as pd
from kedro.io import AbstractDataset
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from podium.lakehouse.errors import LakehouseError

from .candidate import Candidate, log_candidate, newest_candidate
from .evidence import Evidence, log_evidence, newest_evidence
from .versions import Decision, ModelVersion, apply, load_version

__all__ = ["CandidateDataset", "DecisionDataset", "EvidenceDataset", "ModelVersionDataset", "TrialsDataset"]


class CandidateDataset(AbstractDataset[Candidate, Candidate]):
    """The model that training made last, in the MLflow run that made it."""

    def __init__(self, *, problem: str, metadata: dict[str, Any] | None = None):
        self._problem = problem
        self.metadata = metadata

    def load(self) -> Candidate:
        """The newest candidate, its bytes checked."""
        return newest_candidate(self._problem)

    def save(self, data: Candidate) -> None:
        """Log the candidate to the active run."""
        log_candidate(self._problem, data)

    def _describe(self) -> dict[str, Any]:
        return {"problem": self._problem}


class EvidenceDataset(AbstractDataset[Evidence, Evidence]):
    """What the last evaluation found."""

    def __init__(self, *, problem: str, metadata: dict[str, Any] | None = None):
        self._problem = problem
        self.metadata = metadata

    def load(self) -> Evidence:
        """The newest evidence."""
        return newest_evidence(self._problem)

    def save(self, data: Evidence) -> None:
        """Log the evidence to the active run."""
        log_evidence(self._problem, data)

    def _describe(self) -> dict[str, Any]:
        return {"problem": self._problem}


class ModelVersionDataset(AbstractDataset[None, ModelVersion | None]):
    """The registered version that carries an alias; None where none does."""

    def __init__(self, *, problem: str, alias: str, metadata: dict[str, Any] | None = None):
        self._problem = problem
        self._alias = alias
        self.metadata = metadata

    def load(self) -> ModelVersion | None:
        """The version with its model, its bytes checked."""
        return load_version(self._problem, self._alias)

    def save(self, data: None) -> None:
        """Aliases move by decisions only."""
        raise LakehouseError(f"{self._problem}@{self._alias} cannot be saved to; deployment decides who carries it.")

    def _describe(self) -> dict[str, Any]:
        return {"problem": self._problem, "alias": self._alias}


class DecisionDataset(AbstractDataset[Decision, None]):
    """Where deployment's decision takes effect: versions and aliases of the registry."""

    def __init__(self, *, problem: str, metadata: dict[str, Any] | None = None):
        self._problem = problem
        self.metadata = metadata

    def load(self) -> None:
        """A decision is what the registry shows; it is not read back."""
        raise LakehouseError(f"{self._problem}: read the registry (podium status) to see what was decided.")

    def save(self, data: Decision) -> None:
        """Register the candidate and set its aliases."""
        version = apply(self._problem, data)
        mlflow.set_tags({"podium.version": version, "podium.decision": "promoted" if data.promote else "refused"})

    def _describe(self) -> dict[str, Any]:
        return {"problem": self._problem}


class TrialsDataset(AbstractDataset[pd.DataFrame, None]):
    """Trials of a tuning as child runs of the active MLflow run.

    A row has ``algorithm``, ``number``, ``params`` (JSON text) and one column for each metric.
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None):
        self.metadata = metadata

    def load(self) -> None:
        """Trials are for people to look at, in MLflow."""
        raise LakehouseError("Trials are not read back; they are child runs in MLflow.")

    def save(self, data: pd.DataFrame) -> None:
        """One child run for each row."""
        parent = mlflow.active_run()
        if parent is None:
            raise LakehouseError("Trials are kept as child runs, and no MLflow run is active; run it by kedro run.")
        client, now = MlflowClient(), int(time.time() * 1000)
        for trial in data.to_dict("records"):
            name = f"{trial['algorithm']}-{trial['number']}"
            tags = {"mlflow.parentRunId": parent.info.run_id, "mlflow.runName": name}
            run = client.create_run(parent.info.experiment_id, tags=tags)
            numbers = {k: v for k, v in trial.items() if isinstance(v, float | int) and k != "number" and pd.notna(v)}
            client.log_batch(
                run.info.run_id,
                metrics=[Metric(key, float(value), now, 0) for key, value in numbers.items()],
                params=[Param("algorithm", trial["algorithm"]), Param("params", trial["params"])],
            )
            client.set_terminated(run.info.run_id)

    def _describe(self) -> dict[str, Any]:
        return {}
