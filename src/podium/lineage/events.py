"""Build OpenLineage events for runs and nodes, and read the states of datasets back from events. Sends nothing.

The format: https://openlineage.io/docs/spec/object-model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated.base import DatasetFacet, RunFacet
from openlineage.client.generated.dataset_type_dataset import DatasetTypeDatasetFacet
from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet
from openlineage.client.generated.error_message_run import ErrorMessageRunFacet
from openlineage.client.generated.execution_parameters_run import ExecutionParameter, ExecutionParametersRunFacet
from openlineage.client.generated.job_type_job import JobTypeJobFacet
from openlineage.client.generated.parent_run import Job as ParentJob
from openlineage.client.generated.parent_run import ParentRunFacet
from openlineage.client.generated.parent_run import Run as ParentRun
from openlineage.client.generated.processing_engine_run import ProcessingEngineRunFacet
from openlineage.client.generated.symlinks_dataset import Identifier, SymlinksDatasetFacet
from openlineage.client.generated.tags_dataset import TagsDatasetFacet, TagsDatasetFacetFields
from openlineage.client.generated.tags_run import TagsRunFacet, TagsRunFacetFields
from openlineage.client.serde import Serde
from openlineage.client.uuid import generate_new_uuid

from .states import DatasetKind, DatasetState

__all__ = [
    "PRODUCER",
    "KedroRun",
    "NodeRun",
    "RunState",
    "event_json",
    "node_event",
    "pipeline_event",
    "read_state",
]

PRODUCER = f"urn:podium:{version('podium')}"
TABLE_ID = "delta.table_id"
MEMORY, MLFLOW = "memory://", "mlflow://"


@dataclass(kw_only=True)
class KedroRun:
    """A Kedro run, with the facts that its lineage events carry.

    Attributes:
        run_id: a UUID; equal to the id of the MLflow run, if there is one.
        pipelines: the names of the pipelines that run.
        tags: further facts about the run: env, as_of, commit, ...
        engine, engine_version: the engine that computes the tables.
    """

    run_id: str
    pipelines: tuple[str, ...]
    tags: dict[str, str]
    engine: str = ""
    engine_version: str = ""

    @property
    def namespace(self) -> str:
        """The OpenLineage namespace of the run's jobs. Each environment has its own."""
        return f"podium.{self.tags.get('env', '')}"

    @property
    def job(self) -> str:
        """The OpenLineage job of the run: its pipelines, joined by +."""
        return "+".join(self.pipelines)


@dataclass(kw_only=True)
class NodeRun:
    """One execution of a node, with the states of the datasets that the node read and wrote."""

    name: str
    run_id: str = field(default_factory=lambda: str(generate_new_uuid()))
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: list[DatasetState] = field(default_factory=list)
    outputs: list[DatasetState] = field(default_factory=list)


def pipeline_event(run: KedroRun, what: RunState, error: BaseException | None = None) -> RunEvent:
    """The OpenLineage event for the start or the end of a run."""
    facets: dict[str, RunFacet] = {"tags": TagsRunFacet([_tag(key, value) for key, value in run.tags.items()])}
    if run.engine:
        facets["processing_engine"] = ProcessingEngineRunFacet(run.engine_version, run.engine, PRODUCER)
    return _event(run, what, Run(run.run_id, facets | _error(error)), run.job, "PIPELINE")


def node_event(run: KedroRun, node: NodeRun, what: RunState, error: BaseException | None = None) -> RunEvent:
    """The event for a node's start or end. Only the end event has the node's parameters, inputs and outputs."""
    ended = what is not RunState.START
    facets: dict[str, RunFacet] = {"parent": _parent(run.run_id, run.namespace, run.job)}
    if ended and node.parameters:
        facets["executionParameters"] = ExecutionParametersRunFacet(
            [ExecutionParameter(key, value=json.dumps(value)) for key, value in node.parameters.items()]
        )
    return _event(
        run,
        what,
        Run(node.run_id, facets | _error(error)),
        node.name,
        "NODE",
        inputs=[InputDataset(*_named(run, each), facets=_facets(run.namespace, each)) for each in node.inputs if ended],
        outputs=[
            OutputDataset(*_named(run, each), facets=_facets(run.namespace, each)) for each in node.outputs if ended
        ],
    )


def _event(
    run: KedroRun,
    what: RunState,
    own: Run,
    job: str,
    kind: str,
    *,
    inputs: Iterable[InputDataset] = (),
    outputs: Iterable[OutputDataset] = (),
) -> RunEvent:
    return RunEvent(
        eventType=what,
        eventTime=datetime.now(UTC).isoformat(),
        run=own,
        job=Job(run.namespace, job, {"jobType": _job_type(kind)}),
        producer=PRODUCER,
        inputs=list(inputs),
        outputs=list(outputs),
    )


def _named(run: KedroRun, state: DatasetState) -> tuple[str, str]:
    # Names in OpenLineage are global. So the name of a dataset in memory includes the run, and the name of a registry
    # entry includes the environment. Otherwise two runs or two environments would use the same name.
    if state.kind is DatasetKind.HANDED:
        return f"{MEMORY}{run.run_id}", state.path
    return (f"{MLFLOW}{run.tags['env']}" if state.kind is DatasetKind.REGISTRY else state.namespace), state.path


# Facets are the parts of an OpenLineage event. Cache them: building a facet takes longer than sending it, and most
# events of a run have equal facets.
@lru_cache(maxsize=1)
def _parent(run_id: str, namespace: str, job: str) -> ParentRunFacet:
    return ParentRunFacet(ParentRun(run_id), ParentJob(namespace, job))


@lru_cache(maxsize=2)
def _job_type(kind: str) -> JobTypeJobFacet:
    return JobTypeJobFacet("BATCH", "KEDRO", kind)


@lru_cache(maxsize=256)
def _facets(namespace: str, state: DatasetState) -> dict[str, DatasetFacet]:
    if state.kind is DatasetKind.HANDED:
        return {}
    facets: dict[str, DatasetFacet] = {
        "datasetType": DatasetTypeDatasetFacet(state.kind),
        "symlinks": SymlinksDatasetFacet([Identifier(namespace, state.name, state.kind)]),
    }
    if state.version:
        facets["version"] = DatasetVersionDatasetFacet(state.version)
    if state.table_id:
        facets["tags"] = TagsDatasetFacet([TagsDatasetFacetFields(TABLE_ID, state.table_id, source="DELTA")])
    return facets


def event_json(event: RunEvent) -> dict[str, Any]:
    """The event as a JSON object, equal to what the OpenLineage client sends."""
    found: dict[str, Any] = Serde.to_dict(event)
    return found


def read_state(dataset: Mapping[str, Any]) -> DatasetState:
    """Rebuild the state of a dataset from the JSON that describes the dataset in an event."""
    namespace, path, facets = dataset["namespace"], dataset["name"], dataset["facets"]
    if namespace.startswith(MEMORY):
        return DatasetState(name=path, kind=DatasetKind.HANDED, namespace="memory", path=path)
    tags = {tag["key"]: tag["value"] for tag in facets.get("tags", {}).get("tags", [])}
    return DatasetState(
        name=facets["symlinks"]["identifiers"][0]["name"],
        kind=DatasetKind(facets["datasetType"]["datasetType"]),
        namespace="mlflow" if namespace.startswith(MLFLOW) else namespace,
        path=path,
        version=facets.get("version", {}).get("datasetVersion", ""),
        table_id=tags.get(TABLE_ID, ""),
    )


def _error(error: BaseException | None) -> dict[str, RunFacet]:
    return {"errorMessage": ErrorMessageRunFacet(f"{error}", "python")} if error else {}


def _tag(key: str, value: str) -> TagsRunFacetFields:
    return TagsRunFacetFields(key, value, source="PODIUM")
