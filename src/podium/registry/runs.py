"""Record in MLflow what a run did: the table versions that it read and wrote, its code and its ``as_of``."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, RunTag
from pydantic import BaseModel

import podium

from .inputs import log_inputs
from .tracking import asking

__all__ = [
    "DIGEST",
    "LINEAGE",
    "USED",
    "WROTE",
    "code_version",
    "commit_of",
    "record_parameters",
    "record_run",
    "run_uuid",
]

# The MLflow artifact that holds the lineage events of a run.
LINEAGE = "lineage.json"
# Prefixes of tags. A run has one tag for each table that it wrote and each model that it used, so that a search for the
# table or model finds the run.
WROTE, USED = "podium.wrote.", "podium.used."
# MLflow's limits: tags per request, characters in a dataset digest.
BATCH, DIGEST = 100, 36


class Found(Protocol):
    """The attributes of a dataset's state that this module reads. ``podium.lineage.states.DatasetState`` has them."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def location(self) -> str: ...


def record_parameters(models: Mapping[str, BaseModel]) -> None:
    """Log validated parameters to the active MLflow run. A nested value becomes one parameter with a dotted name."""
    if mlflow.active_run() is not None:
        leaves = {
            f"{name.removeprefix('params:')}.{leaf}": value
            for name, model in models.items()
            for leaf, value in _leaves(model.model_dump(mode="json"))
        }
        mlflow.log_params(leaves)


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def run_uuid() -> str:
    """The id of the active MLflow run, written as a UUID; a new UUID if no run is active."""
    run = mlflow.active_run()
    return str(UUID(run.info.run_id)) if run else str(uuid4())


def record_run(
    *, tags: Mapping[str, str], read: Iterable[Found], wrote: Iterable[Found], stage: str, record: Mapping[str, Any]
) -> None:
    """Record what the active MLflow run read and wrote: as searchable tags and dataset inputs, and as ``lineage.json``.

    Args:
        tags: pipeline, env, as_of, engine, code; each gets the prefix ``podium.``.
        read: what the run read. Tables and files become the run's dataset inputs. For a model, the tag
            ``podium.used.<name>`` holds the version.
        wrote: what the run wrote. For a table, the tag ``podium.wrote.<name>`` holds the version and the id.
        stage: what MLflow calls the context of the inputs.
        record: the events of the run.

    Raises:
        PodiumError: MLflow refused the record.
    """
    run = mlflow.active_run()
    if run is None:
        return
    kept = {f"podium.{name}": value for name, value in tags.items() if value}
    kept |= {f"{WROTE}{each.name}": each.digest for each in wrote if each.kind == "TABLE"}
    read = list(read)
    kept |= {f"{USED}{each.name}": each.version for each in read if each.kind == "MODEL" and each.version}
    marks = [RunTag(key, value) for key, value in kept.items()]
    inputs = {(each.name, each.digest): _input(each, stage) for each in read if each.kind in {"TABLE", "FILE"}}
    with asking(mlflow.get_tracking_uri()):
        client, run_id = MlflowClient(), run.info.run_id
        for first in range(0, len(marks), BATCH):
            client.log_batch(run_id, tags=marks[first : first + BATCH])
        log_inputs(client, run_id, [each for (_, digest), each in inputs.items() if digest])
        # Don't use log_dict: it indents the JSON, which takes longer than everything else in this function.
        client.log_text(run_id, json.dumps(record), LINEAGE)


def _input(found: Found, stage: str) -> DatasetInput:
    """An MLflow dataset input. Its source has MLflow's own format, so that ``mlflow.data.get_source`` can open it."""
    if found.kind == "TABLE":
        kind, source = "delta_table", {**_where(found.location), "delta_table_version": int(found.version)}
    else:
        kind, source = "local", {"uri": found.location}
    dataset = Dataset(found.name, found.digest[:DIGEST], kind, json.dumps(source))
    return DatasetInput(dataset, [InputTag("mlflow.data.context", stage)])


def _where(location: str) -> dict[str, Any]:
    catalog, _, name = location.partition("/")
    if catalog == "unitycatalog":
        return {"delta_table_name": name, "is_databricks_uc_table": True}
    return {"path": location}


@cache
def code_version(configuration: Path) -> dict[str, str]:
    """A hash of Podium's code and, if the code is in a git checkout, its commit.

    ``dirty`` tells whether files of the package or of the configuration differ from the commit.
    """
    package = Path(podium.__file__).parent
    files = sorted(package.rglob("*.py"))
    digest = sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]
    return {"package": digest, **commit_of(package, configuration)}


def commit_of(package: Path, configuration: Path) -> dict[str, str]:
    """The commit of the git repository that tracks the package; empty if no repository tracks it.

    A package in a ``.venv`` may lie inside an unrelated repository, whose commit says nothing about the package. A
    configuration that this repository does not track counts as changed.
    """
    if not _git(package, "ls-files", "--", "__init__.py"):
        return {}
    tracked = _git(configuration, "ls-files", "--", ".") and _root(configuration) == _root(package)
    changed = not tracked or any(
        _git(folder, "status", "--porcelain", "--", ".") for folder in (package, configuration)
    )
    return {"commit": _git(package, "rev-parse", "HEAD").strip(), "dirty": str(changed).lower()}


def _root(folder: Path) -> str:
    """The top folder of the git repository that contains the folder."""
    return _git(folder, "rev-parse", "--show-toplevel")


def _git(folder: Path, *command: str) -> str:
    """The output of a git command in a folder; empty if the folder is in no repository or git is not installed."""
    try:
        line = ["git", "-C", str(folder), *command]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""
