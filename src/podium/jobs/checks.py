"""Check that the names in ``jobs.yml`` exist: pipelines, tags, computes, environments, parameters, tables, ..."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from kedro.io import CatalogConfigResolver
from kedro.pipeline import Pipeline

from podium.errors import PodiumError, did_you_mean
from podium.home import environments
from podium.pipeline_registry import register_pipelines
from podium.selection import is_clock, select
from podium.settings import CONFIG_LOADER_ARGS

from .definition import Jobs, Value
from .reading import job_named, jobs_file, read_jobs, refuse
from .task_order import ResolvedTask, as_text, steps

__all__ = ["CheckedJobs", "checked_jobs"]

TABLE = "podium.lakehouse.table.DeltaDataset"
MEMORY = "MemoryDataset"
VARIABLE = re.compile(r"\$\{var\.(\w+)\}")
# The bundle's variable for Kedro's environment. Podium declares the variable, and each target sets it.
ENV = "env"


class CheckedJobs:
    """The jobs of a configuration, with the pipelines, environments and datasets that they may name."""

    def __init__(self, jobs: Jobs, conf: Path):
        self.jobs = jobs
        self.conf = conf
        self.environments = environments(conf)
        self.pipelines: Mapping[str, Pipeline] = register_pipelines()

    def steps(self, name: str) -> tuple[ResolvedTask, ...]:
        """The tasks of a job, in the order in which they run."""
        return steps(job_named(self.jobs, name), self.jobs.defaults)

    def nodes(self, step: ResolvedTask) -> Pipeline:
        """The nodes that a task runs."""
        task = step.task
        return select(
            self.pipelines, task.pipelines, tags=task.tags, node_names=task.nodes, node_namespaces=task.namespaces
        )

    def entry(self, dataset: str) -> dict[str, Any]:
        """The catalog's entry for a dataset; a MemoryDataset if the catalog has none."""
        return self._resolver.resolve_pattern(dataset)

    def section(self, name: str, env: str, **parameters: Any) -> dict[str, Any]:
        """One section of an environment's configuration, such as ``catalog`` or ``parameters``."""
        arguments: dict[str, Any] = dict(CONFIG_LOADER_ARGS)
        loader = OmegaConfigLoader(str(self.conf), env=env, runtime_params=parameters, **arguments)
        found: dict[str, Any] = loader[name]
        return found

    def wrong_parameters(self, env: str, text: str) -> Iterator[str]:
        """Yield the errors in an environment's parameters; ``text`` has the syntax of ``podium run --params``."""
        from omegaconf import OmegaConf

        from podium.project_parameters import check_parameters

        words = [word.strip() for word in text.split(",") if word.strip()]
        if unset := [word for word in words if "=" not in word]:
            yield f"{unset[0]!r} has no value; write NAME=VALUE"
            return
        given: Any = OmegaConf.to_container(OmegaConf.from_dotlist(words))
        try:
            check_parameters(self.section("parameters", env, **given), given)
        except PodiumError as wrong:
            yield from (line.strip() for line in wrong.message.splitlines()[1:] or [wrong.message])

    @cached_property
    def _resolver(self) -> CatalogConfigResolver:
        everything = {"{default}": {"type": f"kedro.io.{MEMORY}"}}
        return CatalogConfigResolver(self.section("catalog", self.environments[0]), default_runtime_patterns=everything)


def checked_jobs(conf: Path) -> CheckedJobs:
    """The jobs of a configuration, after checking that everything they name exists.

    Raises:
        PodiumError: a value is invalid or a name does not exist; the message lists every such error.
    """
    found = CheckedJobs(read_jobs(conf), conf)
    refuse(jobs_file(conf), _wrong(found))
    return found


def _wrong(found: CheckedJobs) -> Iterator[str]:
    for name in found.jobs.jobs:
        for line in _wrong_job(found, name):
            yield f"jobs.{name}{line}"
    yield from _wrong_bundle(found)


def _wrong_job(found: CheckedJobs, name: str) -> Iterator[str]:
    job = found.jobs.jobs[name]
    try:
        order = found.steps(name)
    except PodiumError as cycle:
        yield f".tasks: {cycle.message}"
        return
    yield from _wrong_tasks(found, order)
    for env, parameters in job.parameters.items():
        where = f".parameters.{env}"
        if env not in found.environments:
            yield f"{where}: {_unknown('environment', env, found.environments)}"
        else:
            unspeakable = [path for path, value in parameters.items() if not _survives(path, value)]
            yield from (
                f"{where}.{path}: --params cannot pass this value unchanged, for instance because of a comma; set it "
                f"in conf/{env}/parameters instead"
                for path in unspeakable
            )
            if not unspeakable:
                yield from (f"{where}: {line}" for line in found.wrong_parameters(env, as_text(parameters)))
    for table in job.trigger.tables if job.trigger else ():
        yield from (f".trigger.tables: {line}" for line in _wrong_table(found, table))


def _wrong_tasks(found: CheckedJobs, order: tuple[ResolvedTask, ...]) -> Iterator[str]:
    runs: dict[str, Pipeline] = {}
    for step in order:
        where = f".tasks.{step.name}"
        if step.compute is None:
            yield f"{where}.compute: no compute is set for the task, its job or the defaults; set it in one of them"
        elif step.compute not in found.jobs.compute:
            yield f"{where}.compute: {_unknown('compute', step.compute, found.jobs.compute)}"
        if step.task.command:
            continue
        try:
            runs[step.name] = found.nodes(step)
        except PodiumError as wrong:
            yield f"{where}: {wrong.message}"
            continue
        if handed := sorted(_in_memory(found, runs[step.name])):
            yield (
                f"{where}: the task reads {handed[0]}, which exists in memory only, within one run. Put the nodes that "
                "produce it into the same task"
            )
    for one, other in combinations(order, 2):
        yield from _twice(one, other, runs)


def _in_memory(found: CheckedJobs, nodes: Pipeline) -> set[str]:
    """The inputs that exist only in memory, so that nodes of the same task must produce them."""
    given = {name for name in nodes.inputs() if not name.startswith(("params:", "parameters"))}
    return {name for name in given if found.entry(name)["type"].endswith(MEMORY)}


def _twice(one: ResolvedTask, other: ResolvedTask, runs: Mapping[str, Pipeline]) -> Iterator[str]:
    """Yield an error if two tasks run the same node. They may share a pipeline if they select different nodes.

    Each may have a clock, which stores nothing.
    """
    shared = sorted({*one.task.pipelines} & {*other.task.pipelines})
    if not shared or not {one.name, other.name} <= runs.keys():
        return
    if not one.task.filters or not other.task.filters:
        yield f".tasks: {one.name} and {other.name} would both run the pipeline {shared[0]}; remove it from one of them"
    elif nodes := sorted({node.name for node in (runs[one.name] & runs[other.name]).nodes if not is_clock(node)}):
        yield f".tasks: {one.name} and {other.name} would both run the node {nodes[0]}; change the filters of one task"


def _survives(path: str, value: Value) -> bool:
    """Whether ``--params`` passes the value unchanged."""
    from omegaconf import OmegaConf

    text = as_text({path: value})
    return "," not in text and OmegaConf.select(OmegaConf.from_dotlist([text]), path) == value


def _wrong_table(found: CheckedJobs, table: str) -> Iterator[str]:
    known = {name for name in found.pipelines["__default__"].datasets() if found.entry(name)["type"] == TABLE}
    if table not in known:
        yield f"there is no table {table!r}{did_you_mean(table, known)}"
    elif not found.jobs.databricks.root.startswith("uc://"):
        yield (
            "databricks.root is not in Unity Catalog (uc://), but Databricks can watch only tables in Unity Catalog; "
            "change root, or remove the trigger"
        )


def _wrong_bundle(found: CheckedJobs) -> Iterator[str]:
    databricks = found.jobs.databricks
    declared = [*databricks.variables, ENV]
    if ENV in databricks.variables:
        yield f"databricks.variables.{ENV}: Podium declares this variable; remove it, and set env of each target"
    if sum(target.default for target in databricks.targets.values()) > 1:
        yield "databricks.targets: more than one has default: true; remove it from all but one"
    for name, target in databricks.targets.items():
        if target.env not in found.environments:
            yield f"databricks.targets.{name}.env: {_unknown('environment', target.env, found.environments)}"
        for variable in target.variables:
            if variable not in databricks.variables:
                yield f"databricks.targets.{name}.variables: {_unknown('variable', variable, databricks.variables)}"
    for path, text in _texts(found.jobs.model_dump(mode="json")):
        for variable in VARIABLE.findall(text):
            if variable not in declared:
                yield f"{path}: {_unknown('variable', variable, declared)}"


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _texts(part, f"{path}.{key}".removeprefix("."))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from _texts(part, f"{path}.{at}")


def _unknown(kind: str, word: str, known: Collection[str]) -> str:
    return f"there is no {kind} {word!r}{did_you_mean(word, known)}; there are {', '.join(sorted(known))}"
