"""Record for kedro-viz how the last runs went: outcome and duration of each node, size of each table.

kedro-viz has hooks for this, which do not fit here. They time a node's function, but Podium's nodes return lazy
frames, and the work is done while these are saved. They also keep one file for all environments, and a run of one
pipeline overwrites the status of the others. These hooks write the same files, one set for each environment, and keep
the latest status of every node and table.
"""

import json
import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake.exceptions import DeltaError
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline.node import Node

from podium.lakehouse import atomic_files
from podium.lakehouse.files import Folder
from podium.private_names import viz_id

__all__ = ["EVENTS", "FOLDER", "STATS", "RunStatus", "show"]

logger = logging.getLogger(__name__)

# The names that kedro-viz expects for the folder and the files of a run's status. Each environment has a folder with
# files of its own. The folder in the project holds links to the files of one environment.
FOLDER, EVENTS, STATS = ".viz", "kedro_pipeline_events.json", "stats.json"

Event = dict[str, Any]


class RunStatus:
    """Kedro hooks that record the status of a run and write it when the run ends."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._catalog: CatalogProtocol | None = None
        self._begin: Event = {}
        self._found: dict[str, Event] = {}
        self._node: Node | None = None
        self._at: Event = {}
        self._started = 0.0

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Choose the environment's folder for status files. If kedro-viz is not installed, nothing is recorded."""
        local = context.config_loader["globals"].get("local")
        self._folder = Path(local, FOLDER) if local and find_spec("kedro_viz") else None

    @hook_impl
    def before_pipeline_run(self, catalog: CatalogProtocol) -> None:
        """Start a new record for this run, because one Kedro session may run pipelines several times."""
        self._catalog, self._found, self._node, self._at = catalog, {}, None, {}
        self._begin = {"event": "before_pipeline_run", "timestamp": _now()}

    @hook_impl
    def before_dataset_loaded(self, dataset_name: str, node: Node) -> None:
        """Remember the dataset, so that the status of a failed run can name it."""
        self._node, self._at = node, {"dataset": dataset_name, "operation": "loading"}

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str) -> None:
        """Record that the dataset was read."""
        self._note("after_dataset_loaded", dataset_name, dataset=dataset_name, status="Available")

    @hook_impl(trylast=True)
    def before_node_run(self, node: Node) -> None:
        """Start to measure how long the node takes."""
        self._node, self._at, self._started = node, {}, perf_counter()

    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """Remember the dataset, so that the status of a failed run can name it."""
        self._at = {"dataset": dataset_name, "operation": "saving"}

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Record that the dataset was written. If it is the node's last output, record that the node succeeded."""
        self._note("after_dataset_saved", dataset_name, dataset=dataset_name, status="Available")
        if dataset_name == node.outputs[-1]:
            took = perf_counter() - self._started
            self._note("after_node_run", node, node=node.name, duration=took, status="success")
            self._node, self._at = None, {}

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Write the status of a run that succeeded."""
        self._keep({"event": "after_pipeline_run", "timestamp": _now()})

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Write the status of a run that failed, with the node and dataset at which it failed."""
        told = {"error": str(error), "traceback": "".join(traceback.format_exception(error)), "timestamp": _now()}
        where = {}
        if self._node is not None:
            self._note("on_node_error", self._node, node=self._node.name, **told)
            where = {"node": self._node.name, **self._at}
        self._keep({"event": "on_pipeline_error", **told, **where})

    def _note(self, event: str, of: Node | str, **what: Any) -> None:
        if self._folder is not None:
            node_id = viz_id(of)
            self._found[node_id] = {"event": event, "node_id": node_id, **what}

    def _keep(self, end: Event) -> None:
        if self._folder is None:
            return
        stats = {}
        for event in self._found.values():
            if found := self._measured(event.get("dataset")):
                stats[event["dataset"]] = found
                event["size"] = found["file_size"]
        try:
            before = {event["node_id"]: event for event in _read(self._folder / EVENTS, []) if "node_id" in event}
            _write(self._folder / EVENTS, [self._begin, *{**before, **self._found}.values(), end])
            _write(self._folder / STATS, {**_read(self._folder / STATS, {}), **stats})
        except OSError as why:
            logger.warning("kedro viz will not show this run, because its status cannot be written: %s", why)

    def _measured(self, name: str | None) -> Mapping[str, int]:
        dataset = self._catalog.get(name) if name and self._catalog is not None else None
        return measured(getattr(dataset, "path", None), getattr(dataset, "filepath", None))


def measured(table: str | None, file: str | None) -> dict[str, int]:
    """Rows, columns and bytes of a local Delta table, from its log, or the bytes of a file; empty for anything else."""
    from podium.lakehouse.handle import at_newest

    if file and Path(file).is_file():
        return {"file_size": Path(file).stat().st_size}
    if not table or not Path(table).is_dir():
        return {}
    try:
        delta = at_newest(table)
    except DeltaError:
        return {}
    files = pa.table(delta.get_add_actions())
    found = {"columns": len(delta.schema().fields), "file_size": pc.sum(files["size_bytes"]).as_py() or 0}
    # Report the number of rows only if Delta's log has a row count for every file: writers may omit the count.
    return found if files["num_records"].null_count else {"rows": pc.sum(files["num_records"]).as_py() or 0, **found}


def show(local: str, project: Path) -> None:
    """Link one environment's status files into the project's folder, where kedro-viz looks for them."""
    for name in (EVENTS, STATS):
        try:
            with atomic_files.replace(project / FOLDER / name) as part:
                part.symlink_to(Path(local, FOLDER, name))
        except OSError as why:
            logger.warning("kedro viz cannot show runs, because their status files cannot be linked: %s", why)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _read(file: Path, otherwise: Any) -> Any:
    """Read a status file; return ``otherwise`` if it is missing or damaged, because the next run writes it again."""
    try:
        return json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return otherwise


def _write(file: Path, content: Any) -> None:
    Folder(str(file.parent)).put_text(json.dumps(content), file.name)
