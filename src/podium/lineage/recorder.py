"""Kedro hooks that record lineage: send each event as it happens, and store all of them with the MLflow run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline.node import Node

from podium.errors import PodiumError, first_line
from podium.home import env_of
from podium.lakehouse import engine

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent

    from .events import KedroRun, NodeRun
    from .states import DatasetState

__all__ = ["LineageHooks"]

logger = logging.getLogger(__name__)

# For each engine other than Spark: its Python package, and its name in OpenLineage events.
ENGINES = {"sail": ("pysail", "Sail")}
SPARK = ("pyspark", "Apache Spark")


class LineageHooks:
    """Record a Kedro run's lineage from its first node on. The MLflow run exists by then, so lineage can use its id."""

    def __init__(self) -> None:
        self._env = ""
        self._configuration = Path()
        self._config: Mapping[str, Any] = {}
        self._names: tuple[str, ...] = ()
        self._catalog: CatalogProtocol | None = None
        self._client: OpenLineageClient | None = None
        self._run: KedroRun | None = None
        self._nodes: dict[str, NodeRun] = {}
        self._open: dict[str, NodeRun] = {}
        self._events: list[dict[str, Any]] = []

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read the destination of lineage events from lineage.yml."""
        self._env = env_of(context)
        self._configuration = Path(context.config_loader.conf_source)
        self._config = context.config_loader["lineage"]

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: CatalogProtocol) -> None:
        """Refuse an invalid lineage.yml before anything runs, and start a new record."""
        self._client = client(self._config, self._env)
        names = run_params.get("pipeline_names") or [run_params.get("pipeline_name") or "__default__"]
        self._names, self._catalog, self._run = tuple(names), catalog, None
        self._nodes, self._open, self._events = {}, {}, []

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any, node: Node) -> None:
        """Record the state of a dataset that a node reads."""
        if found := self._state(dataset_name, "loaded_version", data):
            self._of(node).inputs.append(found)

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Send the start event of the node."""
        from .events import RunState, node_event
        from .states import parameter_values

        own = self._of(node)
        own.parameters = parameter_values(inputs)
        self._open[node.name] = own
        self._send(node_event(self._begun(), own, RunState.START))

    @hook_impl
    def after_node_run(self, node: Node, outputs: dict[str, Any]) -> None:
        """Record the source files that the node opened. If the node has no outputs, also send its end event."""
        from .states import opened_files

        self._of(node).inputs.extend(opened_files(outputs))
        if not node.outputs:
            self._end(node.name)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Record the state of a dataset that a node wrote. After the node's last output, send its end event."""
        if found := self._state(dataset_name, "saved_version", data):
            self._of(node).outputs.append(found)
        if dataset_name.endswith(".as_of"):
            self._begun().tags["as_of"] = data.isoformat()
        if dataset_name == node.outputs[-1]:
            self._end(node.name)

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self) -> None:
        """Store the record with the MLflow run, which kedro-mlflow closes after this hook."""
        self._finish(None)

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Store the record of a failed run too, because the run may have written tables before it failed."""
        for name in list(self._open):
            self._end(name, error)
        try:
            self._finish(error)
        except (PodiumError, OSError) as lost:
            # Only warn that the record was not stored: raising here would hide the error that made the run fail.
            logger.warning("The lineage of this run was not stored in MLflow: %s", first_line(lost))

    def _finish(self, error: Exception | None) -> None:
        from podium.registry.runs import record_run

        from .events import RunState, event_json, pipeline_event

        if self._client is None or self._run is None:
            return  # the run failed before its first node, so there is nothing to record
        ended = pipeline_event(self._run, RunState.FAIL if error else RunState.COMPLETE, error)
        self._send(ended)
        self._client.close()
        nodes = list(self._nodes.values())
        record_run(
            tags={"pipeline": self._run.job, **self._run.tags},
            read=[state for node in nodes for state in node.inputs],
            wrote=[state for node in nodes for state in node.outputs],
            stage=self._run.job,
            record={"run_id": self._run.run_id, "events": [event_json(ended), *self._events]},
        )
        self._run = None

    def _end(self, name: str, error: Exception | None = None) -> None:
        from .events import RunState, event_json, node_event

        own = self._open.pop(name)
        event = node_event(self._begun(), own, RunState.FAIL if error else RunState.COMPLETE, error)
        self._events.append(event_json(event))
        self._send(event)

    def _begun(self) -> KedroRun:
        """Return the run; the first call creates it and sends its start event."""
        from podium.registry.runs import code_version, run_uuid

        from .events import KedroRun, RunState, pipeline_event

        if self._run is None:
            settings = engine.current()
            chosen = settings.meant if settings else ""
            package, called = ENGINES.get(chosen, SPARK)
            tags = {"env": self._env, "engine": chosen, **code_version(self._configuration)}
            self._run = KedroRun(
                run_id=run_uuid(),
                pipelines=self._names,
                tags=tags,
                engine=called,
                engine_version=_installed(package),
            )
            self._send(pipeline_event(self._run, RunState.START))
        return self._run

    def _of(self, node: Node) -> NodeRun:
        from .events import NodeRun

        return self._nodes.setdefault(node.name, NodeRun(name=node.name))

    def _state(self, name: str, version_of: str, data: Any) -> DatasetState | None:
        from .states import state

        if name.startswith("params:") or self._catalog is None:
            return None
        dataset = self._catalog.get(name)
        return state(name, dataset, getattr(dataset, version_of, None), data)

    def _send(self, event: RunEvent) -> None:
        """Send an event. If the receiver fails, warn once and send no more; MLflow still gets all events at the end."""
        if self._client is None:
            return
        try:
            self._client.emit(event)
        except (OSError, RuntimeError) as cause:
            logger.warning(
                "Lineage events cannot be sent to the destination in conf/*/lineage.yml (%s). The run continues, but "
                "sends no more of them. MLflow still stores all of them.",
                cause,
            )
            self._client = _nowhere()


def client(config: Mapping[str, Any], env: str) -> OpenLineageClient:
    """The OpenLineage client that lineage.yml configures.

    Raises:
        PodiumError: the client refuses the configuration.
    """
    from openlineage.client import OpenLineageClient

    transport = config.get("transport", {})
    file = str(transport.get("log_file_path", ""))
    if file and "://" not in file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    try:
        return OpenLineageClient(config=dict(config))
    except (TypeError, ValueError, KeyError, RuntimeError, ImportError, AttributeError) as cause:
        raise PodiumError(
            f"Nothing was run: OpenLineage refuses the transport in lineage.yml of {env} ({cause}). Correct this file "
            f"in conf/base or conf/{env}."
        ) from cause


def _nowhere() -> OpenLineageClient:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.noop import NoopConfig, NoopTransport

    return OpenLineageClient(transport=NoopTransport(NoopConfig()))


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # Databricks' Spark is not an installed package, so its version is unknown
        return "unknown"
