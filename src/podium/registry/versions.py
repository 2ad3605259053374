"""Registered versions and their aliases, champion and challenger, with their evidence as tags."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion as MlflowVersion

from podium.models.model import Model

from .candidate import Candidate, load_checked
from .lookups import aliases_of, json_document, versions

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Decision",
    "ModelVersion",
    "aliased",
    "apply",
    "evidence_tags",
    "load_version",
    "register",
    "registered",
]

CHAMPION = "champion"
CHALLENGER = "challenger"


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """A registered version with its model, loaded and checked against its digest.

    Attributes:
        training: what training recorded: window, rows, parameters (``Candidate.training``).
    """

    name: str
    version: str
    model: Model
    as_of: datetime
    digest: str
    tags: Mapping[str, str]
    training: Mapping[str, Any]

    @property
    def holdout_days(self) -> int:
        """The number of days before ``as_of`` that this version was not trained on. Today's parameters may differ."""
        return int(self.training["holdout_days"])

    @property
    def held_out_from(self) -> datetime:
        """The prediction time (UTC) from which rows are held out: this version was not trained on them."""
        return self.as_of - timedelta(days=self.holdout_days)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Deployment's decision about a candidate: the checks of the gate and the metrics behind them."""

    candidate: Candidate
    checks: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, float]

    @property
    def promote(self) -> bool:
        """Whether every check passed. False if there was no check at all."""
        return bool(self.checks) and all(check["passed"] for check in self.checks)


def apply(name: str, decision: Decision) -> str:
    """Register the candidate, set the aliases, and return the version's number. Idempotent.

    A candidate that is registered already is recognised by its digest, and nothing is registered again. The version
    becomes ``challenger``; if every check passed, it becomes ``champion``.
    """
    client = MlflowClient()
    version = registered(client, name, decision.candidate.digest) or _register(name, decision)
    # Write the evidence before any alias, so that a champion without evidence never exists.
    tags = evidence_tags(decision.metrics, decision.checks)
    tags["podium.decision"] = "promoted" if decision.promote else "refused"
    if not _carries(name, CHAMPION, version):
        for key, value in tags.items():
            client.set_model_version_tag(name, version, key, value)
        client.set_registered_model_alias(name, CHALLENGER, version)
        if decision.promote:
            client.set_registered_model_alias(name, CHAMPION, version)
    # Also clears the alias that a killed run left behind: a champion must not be its own challenger.
    if _carries(name, CHAMPION, version) and _carries(name, CHALLENGER, version):
        client.delete_registered_model_alias(name, CHALLENGER)
    return version


def evidence_tags(metrics: Mapping[str, float], checks: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The tags of a version: its metrics without their intervals, and its checks as text."""
    shown = {key: value for key, value in metrics.items() if not key.endswith(("_low", "_high"))}
    tags = {f"podium.metric.{key}": f"{value:.6g}" for key, value in shown.items()}
    words = [f"{check['name']}: {'passed' if check['passed'] else 'FAILED'}" for check in checks]
    return tags | {"podium.checks": "; ".join(words)}


def _carries(name: str, alias: str, version: str) -> bool:
    found = aliased(name, alias)
    return found is not None and str(found.version) == version


def registered(client: MlflowClient, name: str, digest: str) -> str | None:
    """The lowest number of a version with this digest; None if no version has it."""
    found = versions(client, f"name = '{name}' and tags.`podium.digest` = '{digest}'")
    return min((str(version.version) for version in found), key=int, default=None)


def _register(name: str, decision: Decision) -> str:
    candidate = decision.candidate
    tags = {
        "podium.digest": candidate.digest,
        "podium.code_digest": candidate.code_digest,
        "podium.as_of": candidate.as_of.isoformat(),
        "podium.algorithm": candidate.model.algorithm,
    }
    return register(MlflowClient(), name, candidate.model_uri.removeprefix("models:/"), candidate.run_id, tags)


def register(client: MlflowClient, name: str, model_id: str, run_id: str, tags: Mapping[str, str]) -> str:
    """Register a logged model with its tags but no alias, and return the version's number."""
    if aliases_of(client, name) is None:
        client.create_registered_model(name)
    logged = client.get_logged_model(model_id)
    made = client.create_model_version(name, logged.artifact_location, run_id, tags=dict(tags), model_id=model_id)
    return str(made.version)


def aliased(name: str, alias: str) -> MlflowVersion | None:
    """The version that carries an alias; None if no version does, or if there is no such model.

    Raises:
        MlflowException: MLflow did not answer the question.
    """
    client = MlflowClient()
    number = (aliases_of(client, name) or {}).get(alias)
    return client.get_model_version(name, number) if number else None


def load_version(name: str, alias: str) -> ModelVersion | None:
    """Load the version that carries an alias; None if no version does.

    Raises:
        PodiumError: its files or its code changed since they were registered.
    """
    found = aliased(name, alias)
    if found is None:
        return None
    tags = found.tags
    return ModelVersion(
        name=name,
        version=str(found.version),
        model=load_checked(f"models:/{name}/{found.version}", tags, f"{name} version {found.version}"),
        as_of=datetime.fromisoformat(tags["podium.as_of"]),
        digest=tags["podium.digest"],
        tags=tags,
        training=json_document(MlflowClient(), str(found.run_id), "training.json"),
    )
