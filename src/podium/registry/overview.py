"""Read-only queries for the model versions and runs of an environment. They never create MLflow's database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from .lookups import aliases_of, json_document_if_any, model_names, newest_run, runs, versions
from .tracking import asking, database_file, prepare, registry_uri

__all__ = ["PipelineRun", "Registered", "Registry", "VersionStatus"]

METRIC = "podium.metric."
BASELINE = "baseline_"
# A version's tags hold its own metrics and, with these prefixes, other figures: metrics of the baseline and of the
# champion that the version was compared with, and the gains over these two models.
OTHERS = (BASELINE, "champion_", "gain_over_")

# Kedro's name for the pipeline that combines all pipelines.
EVERYTHING = "__default__"

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class VersionStatus:
    """A registered model version as its tags describe it: algorithm, decision, checks and metrics.

    Attributes:
        version: the version's number.
        algorithm: the model's algorithm.
        as_of: the time as of which it was trained, ISO 8601.
        decision: ``promoted`` to champion or ``refused`` by this environment's gate; ``undecided`` before that.
        checks: the results of deployment's checks, as text.
        metrics: metric -> value on the evaluated rows.
        baseline: the same metrics for the baseline, on the same rows.
    """

    version: str
    algorithm: str
    as_of: str
    decision: str
    checks: str
    metrics: Mapping[str, float]
    baseline: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A registered model version with its aliases, and with the run or environment that it came from.

    Attributes:
        name: the model's name.
        aliases: the aliases of the version.
        digest: SHA-256 of the model's files.
        run_id: the run that trained it in this environment, or promoted it to here.
        promoted_from: the ``environment/version`` that it was copied from; None if it was trained here.
        source_decision: the decision of the source's gate.
        registered: the time of registration, in UTC.
        status: the other facts, from its tags.
    """

    name: str
    aliases: tuple[str, ...]
    digest: str
    run_id: str
    promoted_from: str | None
    source_decision: str | None
    registered: datetime
    status: VersionStatus


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """One MLflow run: of a pipeline, of several pipelines together, or of a tuning trial.

    Attributes:
        pipeline: the name, or several joined by ``+``.
        run_id: the id of its MLflow run.
        outcome: MLflow's status in lower case: ``finished``, ``failed``, ``running`` (also if it was killed abruptly).
        started: the start time, in UTC.
        seconds: the duration; None while it runs.
        as_of: the ``as_of`` parameter; None means the newest data.
        tags, params, metrics: as in MLflow.
    """

    pipeline: str
    run_id: str
    outcome: str
    started: datetime
    seconds: float | None
    as_of: str | None
    tags: Mapping[str, str] = field(repr=False)
    params: Mapping[str, str] = field(repr=False)
    metrics: Mapping[str, float] = field(repr=False)


class Registry:
    """Read-only queries to one environment's MLflow."""

    def __init__(self, uri: str):
        self._uri = uri
        self._answers = False

    def version(self, problem: str, alias: str) -> VersionStatus | None:
        """The version of a problem's model that has the given alias; None if no version has it."""

        def ask(client: MlflowClient) -> VersionStatus | None:
            number = (aliases_of(client, problem) or {}).get(alias)
            return _version(client.get_model_version(problem, str(number))) if number else None

        return self._ask(ask, None)

    def versions(self, problem: str | None = None) -> list[Registered]:
        """All registered versions of one model, or of all models; within a model, the newest first."""
        none: list[Registered] = []

        def ask(client: MlflowClient) -> list[Registered]:
            names = model_names(client) if problem is None else [problem]
            return [found for name in names for found in _versions(client, name)]

        return self._ask(ask, none)

    def last_run(self, pipeline: str) -> PipelineRun | None:
        """The newest run of a pipeline, alone or together with other pipelines; None if the pipeline never ran."""
        none: list[Run] = []
        queries = [f"attributes.run_name LIKE '%{pipeline}%'", f"attributes.run_name = '{EVERYTHING}'"]
        found = [_run(run) for query in queries for run in self._ask(partial(runs, query=query, most=50), none)]
        # Filter again, because LIKE also finds pipelines whose names only contain the given name.
        mine = [run for run in found if {pipeline, EVERYTHING} & set(run.pipeline.split("+"))]
        return max(mine, key=lambda run: run.started, default=None)

    def newest(self, **tags: str) -> PipelineRun | None:
        """The newest run whose tags ``podium.<name>`` have all the given values; None if there is no such run."""
        found = self._ask(lambda client: newest_run(client, **tags), None)
        return _run(found) if found else None

    def trials(self, run: PipelineRun) -> list[PipelineRun]:
        """The tuning trials of a training run, the newest first."""
        parent = f"tags.mlflow.parentRunId = '{run.run_id}'"
        none: list[Run] = []
        return [_run(trial) for trial in self._ask(lambda client: runs(client, parent), none)]

    def document(self, run: PipelineRun, name: str) -> dict[str, Any]:
        """Load a JSON file that a run logged. Return {} if the run logged no file of that name."""
        return self._ask(lambda client: json_document_if_any(client, run.run_id, name), {})

    def _ask(self, question: Callable[[MlflowClient], Answer], otherwise: Answer) -> Answer:
        """Query MLflow. Return ``otherwise`` if the database does not exist yet, because a query would create it."""
        file = database_file(self._uri)
        if file is not None and not file.is_file():
            return otherwise
        if not self._answers:
            prepare(self._uri)
            self._answers = True
        with asking(self._uri):
            return question(MlflowClient(tracking_uri=self._uri, registry_uri=registry_uri(self._uri)))


def _versions(client: MlflowClient, name: str) -> list[Registered]:
    aliases, found = aliases_of(client, name) or {}, versions(client, f"name = '{name}'")
    return [_registered(version, aliases) for version in sorted(found, key=lambda v: -int(v.version))]


def _registered(found: ModelVersion, aliases: Mapping[str, str]) -> Registered:
    tags: Mapping[str, str] = found.tags
    return Registered(
        name=found.name,
        aliases=tuple(sorted(alias for alias, version in aliases.items() if str(version) == str(found.version))),
        digest=tags.get("podium.digest", ""),
        run_id=str(found.run_id or ""),
        promoted_from=tags.get("podium.promoted_from"),
        source_decision=tags.get("podium.source_decision"),
        registered=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        status=_version(found),
    )


def _version(found: ModelVersion) -> VersionStatus:
    tags: Mapping[str, str] = found.tags
    figures = {key.removeprefix(METRIC): float(value) for key, value in tags.items() if key.startswith(METRIC)}
    return VersionStatus(
        version=str(found.version),
        algorithm=tags.get("podium.algorithm", ""),
        as_of=tags.get("podium.as_of", ""),
        decision=tags.get("podium.decision", ""),
        checks=tags.get("podium.checks", ""),
        metrics={name: value for name, value in figures.items() if not name.startswith(OTHERS)},
        baseline={name.removeprefix(BASELINE): v for name, v in figures.items() if name.startswith(BASELINE)},
    )


def _run(run: Run) -> PipelineRun:
    info, data = run.info, run.data
    as_of = data.tags.get("podium.as_of", data.params.get("as_of"))
    return PipelineRun(
        pipeline=data.tags.get("podium.pipeline", info.run_name),
        run_id=info.run_id,
        outcome=data.tags.get("podium.outcome", info.status.lower()),
        started=datetime.fromtimestamp(info.start_time / 1000, UTC),
        seconds=(info.end_time - info.start_time) / 1000 if info.end_time else None,
        as_of=None if as_of in (None, "None") else as_of,
        tags=data.tags,
        params=data.params,
        metrics=data.metrics,
    )
