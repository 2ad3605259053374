"""The schema of ``conf/base/jobs.yml``: a pydantic model for each section."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from podium.errors import did_you_mean
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.retention import time_span

from .cron import checked_cron, checked_zone

__all__ = [
    "BundleSettings",
    "Compute",
    "Defaults",
    "Existing",
    "Job",
    "JobCluster",
    "Jobs",
    "Notifications",
    "Permission",
    "Schedule",
    "Serverless",
    "Target",
    "Task",
    "Trigger",
    "Variable",
]

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}$")]
Value = bool | int | float | str


def _span(value: Any) -> timedelta:
    try:
        return time_span(str(value))
    except LakehouseError as wrong:
        raise ValueError(str(wrong)) from wrong


Span = Annotated[timedelta, BeforeValidator(_span), PlainSerializer(timedelta.total_seconds)]


class _JobModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Task(_JobModel):
    """A step of a job: nodes that run in one process. A pipeline's name alone defines a task of that name.

    Attributes:
        name: the task's name; defaults to that of its only pipeline.
        pipelines: the pipelines to run.
        command: another command of podium, in place of pipelines. Only this machine runs it: the bundle leaves out jobs
            with such a task.
        tags: only nodes with one of these tags.
        namespaces: only nodes in one of these namespaces.
        nodes: only these nodes.
        depends_on: the tasks that must succeed first; defaults to the task listed before. ``[]`` means none.
        compute: overrides the job's compute.
        retries: overrides the job's retries.
        retry_after: overrides the job's pause.
        timeout: overrides the job's timeout.
    """

    name: Name
    pipelines: tuple[str, ...] = ()
    command: Literal["lake maintain"] | None = None
    tags: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    depends_on: tuple[str, ...] | None = None
    compute: str | None = None
    retries: int | None = Field(None, ge=0)
    retry_after: Span | None = None
    timeout: Span | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"name": given, "pipelines": [given]}
        if isinstance(given, Mapping) and "name" not in given and len(given.get("pipelines") or ()) == 1:
            return {"name": given["pipelines"][0], **given}
        return given

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if bool(self.pipelines) == bool(self.command):
            raise ValueError("name either pipelines or a command")
        return self

    @property
    def filters(self) -> dict[str, tuple[str, ...]]:
        """The options of ``podium run`` that select some of the pipelines' nodes."""
        found = {"tags": self.tags, "namespaces": self.namespaces, "nodes": self.nodes}
        return {name: words for name, words in found.items() if words}


class Schedule(_JobModel):
    """The times at which a job runs.

    Attributes:
        cron: minute, hour, day of month, month, day of week.
        time_zone: the time zone of these times.
    """

    cron: Annotated[str, AfterValidator(checked_cron)]
    time_zone: Annotated[str, AfterValidator(checked_zone)] = "UTC"


class Trigger(_JobModel):
    """Tables whose changes start a job. Only Databricks watches tables.

    Attributes:
        tables: the tables to watch, by their names in the catalog.
        when: ``any`` starts the job after a write to one of the tables, ``all`` after writes to each.
        at_most_every: the minimum time between two runs.
        settled_for: how long the tables must be unchanged before the run starts.
    """

    tables: tuple[str, ...] = Field(min_length=1)
    when: Literal["any", "all"] = "any"
    at_most_every: Span | None = None
    settled_for: Span | None = None


class Serverless(_JobModel):
    """Serverless compute: Databricks manages the machines.

    Attributes:
        kind: ``serverless``.
        environment_version: the version of Databricks' base environment, into which the wheel is installed.
    """

    kind: Literal["serverless"]
    environment_version: str


class JobCluster(_JobModel):
    """A cluster that Databricks creates for each run of the job and deletes afterwards.

    Attributes:
        kind: ``job_cluster``.
        spark_version: the version of the Databricks runtime.
        node_type: the type of its machines, by the cloud's own name.
        workers: the number of workers; the driver comes on top.
    """

    kind: Literal["job_cluster"]
    spark_version: str
    node_type: str
    workers: int = Field(ge=1)


class Existing(_JobModel):
    """A cluster that exists already.

    Attributes:
        kind: ``existing``.
        cluster_id: the cluster's id.
    """

    kind: Literal["existing"]
    cluster_id: str


Compute = Annotated[Serverless | JobCluster | Existing, Field(discriminator="kind")]


class Notifications(_JobModel):
    """The addresses that get mail about runs. Only Databricks sends it.

    Attributes:
        on_failure: addresses that get mail when a run fails.
        on_success: addresses that get mail when a run succeeds.
        on_start: addresses that get mail when a run starts.
    """

    on_failure: tuple[str, ...] = ()
    on_success: tuple[str, ...] = ()
    on_start: tuple[str, ...] = ()


class Defaults(_JobModel):
    """Settings for jobs and tasks that set none of their own.

    Attributes:
        compute: what the tasks run on, the name of an entry of ``compute``.
        retries: how often a failed task is retried.
        retry_after: the pause before each retry.
        timeout: how long each try of a task may take; a task that exceeds it is ended and not retried.
        notifications: the addresses that get mail.
    """

    compute: str | None = None
    retries: int = Field(0, ge=0)
    retry_after: Span = timedelta(0)
    timeout: Span | None = None
    notifications: Notifications = Notifications()


class Job(_JobModel):
    """A list of tasks, and the schedule or trigger that starts them.

    Attributes:
        about: the purpose of the job, in one line.
        tasks: the tasks, in the order in which they run.
        schedule: the times at which the job runs.
        trigger: tables whose changes start the job, instead of a schedule.
        parameters: environment -> parameters of the job's runs there, by their paths.
        compute: what the tasks run on, the name of an entry of ``compute``.
        retries: how often a failed task is retried.
        retry_after: the pause before each retry.
        timeout: how long each try of a task may take; a task that exceeds it is ended and not retried.
        notifications: the addresses that get mail.
    """

    about: str
    tasks: tuple[Task, ...] = Field(min_length=1)
    schedule: Schedule | None = None
    trigger: Trigger | None = None
    parameters: dict[str, dict[str, Value]] = {}
    compute: str | None = None
    retries: int | None = Field(None, ge=0)
    retry_after: Span | None = None
    timeout: Span | None = None
    notifications: Notifications | None = None

    @model_validator(mode="after")
    def _holds(self) -> Job:
        if self.schedule and self.trigger:
            raise ValueError("Databricks accepts a schedule or a trigger, not both; remove one of them")
        names = [task.name for task in self.tasks]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"tasks: two tasks have the name {twice[0]}; set another name for one of them")
        for task in self.tasks:
            for other in task.depends_on or ():
                if other not in names:
                    raise ValueError(
                        f"tasks.{task.name}.depends_on: there is no task {other!r} in this job"
                        f"{did_you_mean(other, names)}"
                    )
        return self


class Permission(_JobModel):
    """The permission of one group, user or service principal on the jobs that a target deploys.

    Attributes:
        level: ``CAN_VIEW``, ``CAN_RUN`` or ``CAN_MANAGE``.
        group: a group of the workspace.
        user: a user's mail address.
        service_principal: the application id of a service principal.
    """

    level: Literal["CAN_VIEW", "CAN_RUN", "CAN_MANAGE"]
    group: str | None = None
    user: str | None = None
    service_principal: str | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Permission:
        if sum(each is not None for each in (self.group, self.user, self.service_principal)) != 1:
            raise ValueError("a permission needs exactly one of group, user and service_principal")
        return self


class Variable(_JobModel):
    """A variable of the bundle: a value that differs between workspaces.

    Attributes:
        about: a description of the value.
        default: the value unless a target sets another. Without a default, the deployment must set it.
    """

    about: str
    default: str | None = None


class Target(_JobModel):
    """A target of the bundle: a workspace folder to deploy to.

    Attributes:
        env: Kedro's environment there.
        mode: ``development`` gives each developer a copy whose schedules are paused; ``production`` has one copy.
        default: whether ``databricks bundle`` uses it if no target is named.
        run_as: the service principal that runs the jobs; defaults to the user who deploys.
        permissions: who else may see, run or manage the deployed jobs.
        variables: values of the bundle's variables.
    """

    env: str
    mode: Literal["development", "production"]
    default: bool = False
    run_as: str | None = None
    permissions: tuple[Permission, ...] = ()
    variables: dict[str, str] = {}

    @model_validator(mode="after")
    def _production_is_nobody_s(self) -> Target:
        if self.mode == "production" and not self.run_as:
            raise ValueError("production needs run_as, a service principal, so that jobs still run after a user leaves")
        return self


class BundleSettings(_JobModel):
    """The Databricks bundle that deploys the jobs.

    Attributes:
        name: the bundle's name.
        root: where the tables are, the option ``--root`` of every run.
        files: where the files are, the option ``--files`` of every run.
        mlflow: the address of MLflow, the option ``--mlflow`` of every run.
        variables: name -> a variable; any text in the file may use it as ``${var.name}``.
        targets: name -> a target.
    """

    name: Name
    root: str
    files: str
    mlflow: str
    variables: dict[Name, Variable] = {}
    targets: dict[Name, Target]


class Jobs(_JobModel):
    """The content of ``jobs.yml``.

    Attributes:
        defaults: the defaults of every job.
        compute: name -> serverless compute or a cluster that Databricks runs tasks on.
        jobs: name -> a job.
        databricks: how the jobs are deployed to Databricks.
    """

    defaults: Defaults = Defaults()
    compute: dict[Name, Compute] = {}
    jobs: dict[Name, Job]
    databricks: BundleSettings
