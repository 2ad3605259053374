"""Training once more, from the very table versions and parameters that a registered version was trained from."""

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

# What training calls the rows that it learns from.
SEEN = "fitted_rows"


@dataclass(frozen=True, kw_only=True)
class ReproductionPlan:
    """What a version was trained from, all of it still there.

    Attributes:
        known: the version.
        run: that trained it.
        pipeline: that will train it again.
        tables: the versions that were read, by the name of the catalog entry.
        parameters: that were in force, by their dotted name.
    """

    known: Known
    run: Recorded
    pipeline: Pipeline
    tables: Mapping[str, DatasetState]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Again:
    """What came out.

    Attributes:
        rows: that both models scored: those that training saw.
        different: how many of them got another score.
        most: the largest difference of two scores.
        digest: SHA-256 of the new model's files.
        same_bytes: whether that is the digest of the version.
    """

    rows: int
    different: int
    most: float
    digest: str
    same_bytes: bool

    @property
    def same(self) -> bool:
        """Whether all scores are equal, to the last bit."""
        return self.different == 0


def plan(history: History, known: Known, training: Pipeline, catalog: DataCatalog) -> ReproductionPlan:
    """See from what a version was trained, and that all of it is still there.

    Args:
        history: of the environment.
        known: the version.
        training: the pipeline that trains, for all problems.
        catalog: of the environment.

    Raises:
        PodiumError: it was trained elsewhere; its run recorded nothing; the pipeline reads today what it did not read
            then; a table version is gone, all of them named.
    """
    if known.promoted_from:
        env, _, version = known.promoted_from.partition("/")
        raise PodiumError(
            f"{known.name}/{known.version} was trained in {env}, where its tables are. "
            f"Run: podium model reproduce {known.name}/{version} --env {env}"
        )
    run = history.run(known.run_id)
    steps = Steps(run.record).all
    if not steps:
        raise PodiumError(f"{known.name}/{known.version}: the run that trained it ({run.run_id}) recorded no lineage.")
    pipeline = training.to_outputs(f"{known.name}.candidate")
    read = _read(pipeline, steps)
    pinned = {name: read[name] for name in pipeline.inputs() if name in read}
    unknown = [name for name in pipeline.inputs() if name not in read and not name.startswith("params:")]
    given = {key: value for step in steps for key, value in step.parameters.items()}
    wanted = [name.removeprefix("params:") for name in pipeline.inputs() if name.startswith("params:")]
    unknown += [f"the parameter {name}" for name in wanted if name not in given]
    if unknown:
        raise PodiumError(
            f"{known.name}/{known.version}: training reads {', '.join(unknown)} today, which it did not do then. "
            f"Check out the code that trained it ({run.commit or run.package}) and ask again."
        )
    # The moment that was settled then: today's newest data are not those of that day.
    parameters = {name: given[name] for name in wanted} | {"as_of": run.as_of}
    _see_that_all_is_there(known, pinned, catalog)
    return ReproductionPlan(known=known, run=run, pipeline=pipeline, tables=pinned, parameters=parameters)


def _read(pipeline: Pipeline, steps: list[NodeRun]) -> dict[str, DatasetState]:
    """What the nodes of the pipeline read then; another stage of the same run may have read another version."""
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
            f"{known.name}/{known.version} cannot be trained again, nothing was compared. Gone:\n  " + "\n  ".join(lost)
        )


def carry_out(plan: ReproductionPlan, history: History, catalog: DataCatalog) -> Again:
    """Train again and compare. No table is written, no run is logged, no version is registered.

    Args:
        plan: what from.
        history: of the environment.
        catalog: of the environment; its entries are changed, so it is good for nothing else afterwards.
    """
    name = plan.known.name
    for entry, state in plan.tables.items():
        dataset = catalog.get(entry)
        assert isinstance(dataset, DeltaDataset)
        dataset.version = int(state.version)
    for key, value in _parameters(plan).items():
        catalog[f"params:{key}"] = value
    kept = {dataset: _Kept() for dataset in plan.pipeline.datasets() - plan.pipeline.inputs()}
    for entry, dataset in kept.items():
        catalog[entry] = dataset
    SequentialRunner().run(plan.pipeline, catalog)
    candidate: Candidate = kept[f"{name}.candidate"].load()
    rows: pd.DataFrame = kept[f"{name}.{SEEN}"].load()
    return _compare(_registered(plan.known, history), candidate.model, rows, plan.known.digest)


def _parameters(plan: ReproductionPlan) -> dict[str, Any]:
    """The parameters as the nodes want them: models where these are annotated."""
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
    """Holds what a node returns until it is asked for, also when Kedro thinks that nobody will.

    Rows on their way into a table are read as the frame that the table would give back.
    """

    def __init__(self) -> None:
        self._data: Any = None

    def load(self) -> Any:
        """What was saved, itself."""
        return self._data

    def save(self, data: Any) -> None:
        """Keep it."""
        self._data = data.frame if isinstance(data, Rows) else data

    def _describe(self) -> dict[str, Any]:
        return {"holds": type(self._data).__name__}
