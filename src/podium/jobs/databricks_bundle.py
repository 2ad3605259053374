"""Convert the jobs to a Databricks bundle, as dictionaries. The package databricks-bundles validates each job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from podium.errors import PodiumError

from .checks import ENV, CheckedJobs
from .definition import BundleSettings, Existing, Job, JobCluster, Notifications, Permission, Serverless, Target
from .task_order import ResolvedTask, arguments, as_text

__all__ = ["REQUIREMENTS", "bundle", "job_resource"]

# Databricks resolves a relative path against the folder of the file that contains the path: databricks.yml contains
# PROJECT, and each job's file in resources/ contains WHEEL and VERSIONS.
PROJECT, WHEEL = "..", "../../dist/*.whl"
REQUIREMENTS = "requirements.txt"
VERSIONS = f"../{REQUIREMENTS}"
PARAMS = "params"
CONDITION = {"any": "ANY_UPDATED", "all": "ALL_UPDATED"}
Plain = dict[str, Any]


def bundle(found: CheckedJobs) -> Plain:
    """The content of ``databricks.yml``: targets, variables, and how to build the wheel. Each job has its own file.

    The content names no workspace, because a bundle's variables cannot hold its address: the user sets DATABRICKS_HOST.
    """
    databricks = found.jobs.databricks
    return {
        "bundle": {"name": databricks.name},
        "include": ["resources/*.yml"],
        "artifacts": {"podium": {"type": "whl", "path": PROJECT, "build": "make wheel"}},
        "variables": _variables(found),
        "targets": {name: _target(target, found) for name, target in databricks.targets.items()},
    }


def job_resource(found: CheckedJobs, name: str) -> Plain:
    """The content of a job's file, validated by the models of databricks-bundles.

    Raises:
        PodiumError: databricks-bundles is not installed.
    """
    try:
        from databricks.bundles.jobs import Job as Model
    except ImportError as missing:
        raise PodiumError(
            "The bundle was not written: the package databricks-bundles, which validates it, is not installed. Run: "
            "pip install databricks-bundles"
        ) from missing
    resource = _job(found, name)
    Model.from_dict(resource)  # type: ignore[arg-type]
    return resource


def _variables(found: CheckedJobs) -> Plain:
    databricks = found.jobs.databricks
    own: Plain = {ENV: {"description": "Kedro's environment: a folder of conf/."}}
    for name, variable in databricks.variables.items():
        default = {} if variable.default is None else {"default": variable.default}
        own[name] = {"description": variable.about, **default}
    for name in _with_parameters(found):
        own[_parameters_of(name)] = {"description": f"Parameters of the job {name}.", "default": ""}
    return own


def _target(target: Target, found: CheckedJobs) -> Plain:
    parameters = {name: found.jobs.jobs[name].parameters.get(target.env) for name in _with_parameters(found)}
    given = {_parameters_of(name): as_text(values) for name, values in parameters.items() if values}
    whose: Plain = {"presets": {"artifacts_dynamic_version": True}}
    if target.mode == "production":
        # In production, all users share one deployed copy of the bundle. Put this copy into the service principal's own
        # folder, where no other user can write.
        path = f"/Workspace/Users/{target.run_as}/.bundle/${{bundle.name}}/${{bundle.target}}"
        whose = {"workspace": {"root_path": path}}
    return {
        "mode": target.mode,
        **({"default": True} if target.default else {}),
        **whose,
        **({"run_as": {"service_principal_name": target.run_as}} if target.run_as else {}),
        **({"permissions": [_permission(each) for each in target.permissions]} if target.permissions else {}),
        "variables": {ENV: target.env, **target.variables, **given},
    }


def _permission(permission: Permission) -> Plain:
    who = {"group_name": permission.group, "user_name": permission.user}
    who["service_principal_name"] = permission.service_principal
    return {"level": permission.level, **_given(who)}


def _job(found: CheckedJobs, name: str) -> Plain:
    job, databricks, steps = found.jobs.jobs[name], found.jobs.databricks, found.steps(name)
    default = f"${{var.{_parameters_of(name)}}}" if job.parameters else ""
    return {
        "name": f"{databricks.name}_{name}",
        "description": job.about,
        "max_concurrent_runs": 1,
        **_when(job, found),
        **_mail(job.notifications or found.jobs.defaults.notifications),
        # A job parameter, which each task passes to podium run --params. "Run now with different settings" in
        # Databricks replaces this default for one run.
        "parameters": [{"name": PARAMS, "default": default}],
        **_machines(found, steps),
        "tasks": [_task(step, found) for step in steps],
    }


def _when(job: Job, found: CheckedJobs) -> Plain:
    from .cron import quartz

    if job.schedule:
        zone = job.schedule.time_zone
        return {"schedule": {"quartz_cron_expression": quartz(job.schedule.cron), "timezone_id": zone}}
    if not job.trigger:
        return {}
    table_update = {
        "table_names": [_full_name(table, found) for table in job.trigger.tables],
        "condition": CONDITION[job.trigger.when],
        "min_time_between_triggers_seconds": _seconds(job.trigger.at_most_every),
        "wait_after_last_change_seconds": _seconds(job.trigger.settled_for),
    }
    return {"trigger": {"table_update": _given(table_update)}}


def _full_name(table: str, found: CheckedJobs) -> str:
    """The table's name in Unity Catalog. ``lakehouse.handle`` must derive the same name from the table's path."""
    path = found.entry(table)["path"].removeprefix(found.section("globals", found.environments[0])["root"] + "/")
    catalog = found.jobs.databricks.root.removeprefix("uc://")
    schema, *parts = path.split("/")
    return f"{catalog}.{schema}.{'_'.join(parts)}"


def _mail(notifications: Notifications) -> Plain:
    to = {event: list(addresses) for event, addresses in notifications.model_dump().items() if addresses}
    return {"email_notifications": to} if to else {}


def _machines(found: CheckedJobs, steps: Iterable[ResolvedTask]) -> Plain:
    """The job's clusters and serverless environments, each once, in the order of the tasks."""
    computes = {name: found.jobs.compute[name] for name in dict.fromkeys(str(step.compute) for step in steps)}
    clusters = [_cluster(name, each) for name, each in computes.items() if isinstance(each, JobCluster)]
    environments = [_environment(name, each) for name, each in computes.items() if isinstance(each, Serverless)]
    return {
        **({"job_clusters": clusters} if clusters else {}),
        **({"environments": environments} if environments else {}),
    }


def _cluster(name: str, compute: JobCluster) -> Plain:
    new = {
        "spark_version": compute.spark_version,
        "node_type_id": compute.node_type,
        "num_workers": compute.workers,
        "data_security_mode": "DATA_SECURITY_MODE_AUTO",
    }
    return {"job_cluster_key": name, "new_cluster": new}


def _environment(name: str, compute: Serverless) -> Plain:
    spec = {"environment_version": compute.environment_version, "dependencies": [f"-r {VERSIONS}", WHEEL]}
    return {"environment_key": name, "spec": spec}


def _task(step: ResolvedTask, found: CheckedJobs) -> Plain:
    words = arguments(step.task, f"{{{{job.parameters.{PARAMS}}}}}")
    retries = {"max_retries": step.retries, "min_retry_interval_millis": 1000 * (_seconds(step.retry_after) or 0)}
    return {
        "task_key": step.name,
        **({"depends_on": [{"task_key": name} for name in step.depends_on]} if step.depends_on else {}),
        **_where(step, found),
        **(retries if step.retries else {}),
        **_given({"timeout_seconds": _seconds(step.timeout)}),
        "python_wheel_task": {
            "package_name": "podium",
            "entry_point": "podium",
            "parameters": ["run", *_places(found.jobs.databricks), *words],
        },
    }


def _where(step: ResolvedTask, found: CheckedJobs) -> Plain:
    assert step.compute is not None, "checks.py refuses a task without a compute"
    compute = found.jobs.compute[step.compute]
    if isinstance(compute, Serverless):
        # Switch off serverless compute's own retries. Otherwise it retries a task more often than max_retries says.
        return {"environment_key": step.compute, "disable_auto_optimization": True}
    libraries = [{"requirements": VERSIONS}, {"whl": WHEEL}]
    if isinstance(compute, Existing):
        return {"existing_cluster_id": compute.cluster_id, "libraries": libraries}
    return {"job_cluster_key": step.compute, "libraries": libraries}


def _places(databricks: BundleSettings) -> list[str]:
    places = {"env": f"${{var.{ENV}}}", "root": databricks.root, "files": databricks.files, "mlflow": databricks.mlflow}
    return [word for option, place in places.items() for word in (f"--{option}", place)]


def _with_parameters(found: CheckedJobs) -> list[str]:
    return [name for name, job in found.jobs.jobs.items() if job.parameters]


def _parameters_of(name: str) -> str:
    return f"{name}_parameters"


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())


def _given(values: Mapping[str, Any]) -> Plain:
    return {name: value for name, value in values.items() if value is not None}
