"""Environments that each have a separate MLflow, with small real models."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import mlflow
from matplotlib.figure import Figure
from mlflow import MlflowClient

from podium.lineage.states import DatasetKind, DatasetState
from podium.models.fitting import fit
from podium.registry.candidate import Candidate, log_candidate, newest_candidate
from podium.registry.evidence import Evidence, log_evidence
from podium.registry.runs import record_run
from podium.registry.tracking import TrackingLocation, artifact_location, tracking_uri
from podium.registry.versions import Decision, apply
from podium.reports import figure_to_png
from tests.models.conftest import CATEGORICAL, FEATURES, flights

NAME = "flight_delay"


@dataclass(frozen=True)
class Home:
    """One environment: a folder with MLflow's database and artifacts, or a server if it is given."""

    folder: Path
    env: str
    server: str = ""

    @property
    def place(self) -> TrackingLocation:
        uri = tracking_uri(self.server, str(self.folder))
        artifacts = artifact_location(uri, str(self.folder))
        return TrackingLocation(env=self.env, uri=uri, registry=uri, experiment="podium", artifacts=artifacts)

    @property
    def client(self) -> MlflowClient:
        return self.place.client()

    @property
    def aliases(self) -> dict[str, str]:
        found = self.client.search_registered_models(f"name = '{NAME}'")
        return {alias: str(version) for alias, version in found[0].aliases.items()} if found else {}

    @property
    def versions(self) -> list[str]:
        return sorted(str(found.version) for found in self.client.search_model_versions(f"name = '{NAME}'"))

    def enter(self) -> None:
        """Point MLflow to this environment, as a run does."""
        mlflow.set_tracking_uri(self.place.uri)
        mlflow.set_registry_uri(self.place.registry)
        if self.client.get_experiment_by_name("podium") is None:
            self.client.create_experiment("podium", self.place.artifacts)
        mlflow.set_experiment("podium")

    def train(self, seed: int = 1) -> Candidate:
        self.enter()
        with mlflow.start_run(run_name="training"):
            self.log(seed)
        return newest_candidate(NAME)

    def log(self, seed: int) -> None:
        """Log what a training run logs: parameters, candidate, baseline and inputs."""
        rows = flights(300, seed)
        fitted = {
            "model": fit("lightgbm", rows, rows["label"], **HOW, params={"rounds": 5}, seed=seed),
            "baseline": fit("heuristic", rows, rows["label"], **HOW, params={"by": ["carrier"]}, seed=seed),
        }
        numbers = [name for name in FEATURES if name not in CATEGORICAL]
        example = rows[FEATURES].head(3).astype(dict.fromkeys(numbers, "float64"))
        mlflow.log_params({f"seed_{number}": seed for number in range(120)})
        as_of = datetime(2013, 4, 1, tzinfo=UTC)
        log_candidate(NAME, Candidate(**fitted, as_of=as_of, training={"rows": 300}, example=example))
        self.record("training", seed)

    def evaluate(self, candidate: Candidate, *, passed: bool = True, auc: float = 0.75) -> Evidence:
        self.enter()
        found = evidence_of(candidate, passed=passed, auc=auc)
        with mlflow.start_run(run_name="evaluation"):
            log_evidence(NAME, found)
            self.record("evaluation", 2)
        return found

    def record(self, stage: str, version: int) -> None:
        """Record, as the hooks do, a run that read the given version of the table t."""
        read = [
            DatasetState(
                name="t", kind=DatasetKind.TABLE, namespace="file", path="/t", version=f"{version}", table_id="a-table"
            )
        ]
        tags = {"pipeline": stage, "env": self.env}
        record_run(tags=tags, read=read, wrote=[], stage=stage, record={"events": [{"read": f"t@{version}"}]})

    def deploy(self, candidate: Candidate, evidence: Evidence) -> str:
        self.enter()
        checks = tuple(evidence.evaluation["checks"])
        return apply(NAME, Decision(candidate=candidate, checks=checks, metrics=evidence.metrics))

    def live(self, seed: int = 1, *, passed: bool = True) -> str:
        """Train, evaluate and deploy a model, and return its version."""
        candidate = self.train(seed)
        return self.deploy(candidate, self.evaluate(candidate, passed=passed))

    def live_in_one_run(self, seed: int = 1) -> str:
        """Train, evaluate and deploy in a single MLflow run, as a run of every pipeline does."""
        self.enter()
        with mlflow.start_run(run_name="training+evaluation"):
            self.log(seed)
            candidate = newest_candidate(NAME)
            log_evidence(NAME, evidence_of(candidate))
        return self.deploy(candidate, evidence_of(candidate))


def evidence_of(candidate: Candidate, *, passed: bool = True, auc: float = 0.75) -> Evidence:
    return Evidence(
        digest=candidate.digest,
        champion="",
        evaluation={"checks": [{"name": "auc", "passed": passed}]},
        metrics={"auc": auc, "auc_low": auc - 0.1, "baseline_auc": 0.6, "rows": 300},
        pictures={"roc": figure_to_png(Figure())},
        card="<p>A card.</p>",
    )


HOW = {"features": FEATURES, "categorical": CATEGORICAL}
