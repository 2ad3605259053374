"""Register model versions, write their evidence into tags, and set the aliases champion and challenger."""

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
    """A registered version with its loaded model. Its files and code were checked against their digests.

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
        """How many days before ``as_of`` were held out from training. The parameter may have changed since."""
        return int(self.training["holdout_days"])

    @property
    def held_out_from(self) -> datetime:
        """The start (UTC) of the held-out days: this version was not trained on rows predicted at or after it."""
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
    # A champion must not be its own challenger. Also remove the challenger alias if this run did not set it: a killed
    # run may have left the alias behind.
    if _carries(name, CHAMPION, version) and _carries(name, CHALLENGER, version):
        client.delete_registered_model_alias(name, CHALLENGER)
    return version


def evidence_tags(metrics: Mapping[str, float], checks: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return evidence as tags: one tag for each metric, without intervals, and one tag for the results of checks."""
    shown = {key: value for key, value in metrics.items() if not key.endswith(("_low", "_high"))}
    tags = {f"podium.metric.{key}": f"{value:.6g}" for key, value in shown.items()}
    words = [f"{check['name']}: {'passed' if check['passed'] else 'FAILED'}" for check in checks]
    return tags | {"podium.checks": "; ".join(words)}


def _carries(name: str, alias: str, version: str) -> bool:
    found = aliased(name, alias)
    return found is not None and str(found.version) == version


def registered(client: MlflowClient, name: str, digest: str) -> str | None:
    """The number of the version with this digest, the lowest if there are several; None if no version has it."""
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
    """The version that has the given alias; None if no version has it, or if there is no such model.

    Raises:
        MlflowException: MLflow did not answer.
    """
    client = MlflowClient()
    number = (aliases_of(client, name) or {}).get(alias)
    return client.get_model_version(name, number) if number else None


def load_version(name: str, alias: str) -> ModelVersion | None:
    """Load the version that has the given alias; None if no version has it.

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
