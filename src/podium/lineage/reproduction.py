"""Train a registered version again, from the table versions and parameters that its run recorded."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kedro.io import AbstractDataset, DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner
from kedro.validation.parameter_validator import ParameterValidator

from podium import models
from podium.errors import PodiumError
from podium.lakehouse.table import DeltaDataset, Rows
from podium.lakehouse.time_travel import why_unreadable
from podium.models import Model
from podium.registry.candidate import MODEL_FILES, Candidate
from podium.registry.version_folder import fetch_model
from podium.registry.version_history import History, Known, Recorded

from .run_graph import NodeRun, Steps
from .states import DatasetState

__all__ = ["Again", "ReproductionPlan", "carry_out", "plan"]

# The dataset with the rows that training fits a model to.
SEEN = "fitted_rows"
# The dataset with the state of the feature tables. The node that makes it refuses feature tables of other code, but the
# tables that training read may well be of other code than today's.
STATE = "fitted_features"


@dataclass(frozen=True, kw_only=True)
class ReproductionPlan:
    """The nodes, table versions and parameters to train a model version again. All of them still exist.

    Attributes:
        known: the version.
        run: the run that trained it.
        pipeline: the nodes that train it again.
        tables: catalog entry -> the table version that training read.
        parameters: dotted name -> the recorded value.
    """

    known: Known
    run: Recorded
    pipeline: Pipeline
    tables: Mapping[str, DatasetState]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Again:
    """The comparison of a retrained model with the registered version.

    Attributes:
        rows: the number of training rows, which both models scored.
        different: the number of rows whose scores differ.
        most: the largest difference between two scores.
        digest: the SHA-256 of the new model's files.
        same_bytes: whether the registered version has the same digest.
    """

    rows: int
    different: int
    most: float
    digest: str
    same_bytes: bool

    @property
    def same(self) -> bool:
        """Whether both models give every training row the same score, to the last bit."""
        return self.different == 0


def plan(history: History, known: Known, training: Pipeline, catalog: DataCatalog) -> ReproductionPlan:
    """Look up what a model version was trained on, and check that all of its inputs can still be read.

    Args:
        history: the environment's runs and versions.
        known: the version.
        training: the pipeline ``training`` of all problems.
        catalog: the environment's catalog.

    Raises:
        PodiumError: the version was trained in another environment; its run recorded no lineage; the pipeline has
            inputs that the run did not read; or table versions are gone (the message lists all of them).
    """
    if known.promoted_from:
        env, _, version = known.promoted_from.partition("/")
        raise PodiumError(
            f"{known.name}/{known.version} was promoted from {env}, so the tables that it was trained on are in {env}, "
            f"not here. Run: podium model reproduce {known.name}/{version} --env {env}"
        )
    run = history.run(known.run_id)
    steps = Steps(run.record).all
    if not steps:
        raise PodiumError(
            f"{known.name}/{known.version} cannot be trained again, because its run {run.run_id} recorded no lineage. "
            "Choose another version."
        )
    whole, state = training.to_outputs(f"{known.name}.candidate"), f"{known.name}.{STATE}"
    pipeline = Pipeline([node for node in whole.nodes if state not in node.outputs])
    read = _read(pipeline, steps)
    pinned = {name: read[name] for name in pipeline.inputs() - {state} if name in read}
    unknown = [name for name in pipeline.inputs() - {state} if name not in read and not name.startswith("params:")]
    given = {key: value for step in steps for key, value in step.parameters.items()}
    wanted = [name.removeprefix("params:") for name in pipeline.inputs() if name.startswith("params:")]
    unknown += [f"the parameter {name}" for name in wanted if name not in given]
    if unknown:
        raise PodiumError(
            f"{known.name}/{known.version} cannot be trained again by this code: training now reads "
            f"{', '.join(unknown)}, which the recorded run did not. Check out the code of that run "
            f"({run.commit or run.package}) and try again."
        )
    # Pin as_of to the recorded time. By default, as_of is the newest time in the data, which may be later by now.
    parameters = {name: given[name] for name in wanted} | {"as_of": run.as_of}
    _see_that_all_is_there(known, pinned, catalog)
    return ReproductionPlan(known=known, run=run, pipeline=pipeline, tables=pinned, parameters=parameters)


def _read(pipeline: Pipeline, steps: list[NodeRun]) -> dict[str, DatasetState]:
    """The states of the datasets that the nodes of this pipeline read. Other nodes may have read other versions."""
    own = {node.name for node in pipeline.nodes}
    return {state.name: state for step in steps if step.name in own for state in step.inputs}


def _see_that_all_is_there(known: Known, tables: Mapping[str, DatasetState], catalog: DataCatalog) -> None:
    lost = []
    for name, state in sorted(tables.items()):
        dataset = catalog.get(name)
        assert isinstance(dataset, DeltaDataset)
        if why := why_unreadable(dataset.path, int(state.version), state.table_id):
            lost.append(f"{name} version {state.version}: {why}")
    if lost:
        raise PodiumError(
            f"{known.name}/{known.version} cannot be trained again, so nothing was compared. These inputs are gone:\n  "
            + "\n  ".join(lost)
        )


def carry_out(plan: ReproductionPlan, history: History, catalog: DataCatalog) -> Again:
    """Train a version again and compare the result with the registered model. Writes, logs and registers nothing.

    Args:
        plan: the inputs of the training.
        history: the environment's runs and versions.
        catalog: the environment's catalog. Its entries are replaced, so don't use it afterwards.
    """
    name = plan.known.name
    for entry, state in plan.tables.items():
        dataset = catalog.get(entry)
        assert isinstance(dataset, DeltaDataset)
        dataset.version = int(state.version)
    for key, value in _parameters(plan).items():
        catalog[f"params:{key}"] = value
    catalog[f"{name}.{STATE}"] = {}
    kept = {dataset: _Kept() for dataset in plan.pipeline.datasets() - plan.pipeline.inputs()}
    for entry, dataset in kept.items():
        catalog[entry] = dataset
    SequentialRunner().run(plan.pipeline, catalog)
    candidate: Candidate = kept[f"{name}.candidate"].load()
    rows: pd.DataFrame = kept[f"{name}.{SEEN}"].load()
    return _compare(_registered(plan.known, history), candidate.model, rows, plan.known.digest)


def _parameters(plan: ReproductionPlan) -> dict[str, Any]:
    """The recorded parameters as nodes expect them: a pydantic model if the node's annotation is a pydantic model."""
    tree: dict[str, Any] = {}
    for key, value in plan.parameters.items():
        *path, last = key.split(".")
        place = tree
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    checked = ParameterValidator({"training": plan.pipeline}).validate_raw_params(tree)
    return {key: _at(checked, key) for key in plan.parameters}


def _at(tree: Any, key: str) -> Any:
    for step in key.split("."):
        tree = tree[step]
    return tree


def _registered(known: Known, history: History) -> Model:
    version = history.place.client().get_model_version(known.name, known.version)
    with tempfile.TemporaryDirectory() as scratch:
        return models.load(fetch_model(history.place, version, Path(scratch, "model")) / MODEL_FILES)


def _compare(then: Model, now: Model, rows: pd.DataFrame, digest: str) -> Again:
    before, after = then.score(rows), now.score(rows)
    with tempfile.TemporaryDirectory() as scratch:
        now.save(Path(scratch, "model"))
        found = models.digest(Path(scratch, "model"))
    return Again(
        rows=len(rows),
        different=int(np.count_nonzero(before != after)),
        most=float(np.max(np.abs(before - after), initial=0.0)),
        digest=found,
        same_bytes=found == digest,
    )


class _Kept(AbstractDataset[Any, Any]):
    """A dataset that keeps a node's output after the run. The runner empties a MemoryDataset after its last use.

    Rows for a table are loaded as a frame, as the table would return them.
    """

    def __init__(self) -> None:
        self._data: Any = None

    def load(self) -> Any:
        """Return the saved object, not a copy."""
        return self._data

    def save(self, data: Any) -> None:
        """Keep the object."""
        self._data = data.frame if isinstance(data, Rows) else data

    def _describe(self) -> dict[str, Any]:
        return {"holds": type(self._data).__name__}
