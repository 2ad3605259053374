"""What ``conf/base/jobs.yml`` may say: a model for each section of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

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
    """Nodes that run together, in one process. A pipeline's name alone stands for a task of that name.

    Attributes:
        name: of the task; by default that of its pipeline.
        pipelines: the pipelines that run.
        tags: only nodes with one of these tags.
        namespaces: only nodes in one of these namespaces.
        nodes: only these nodes.
        depends_on: the tasks that must have ended well before; by default the one listed before. ``[]`` is none.
        compute: as of a job, for this task.
        retries: as of a job, for this task.
        retry_after: as of a job, for this task.
        timeout: as of a job, for this task.
    """

    name: Name
    pipelines: tuple[str, ...] = Field(min_length=1)
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

    @property
    def filters(self) -> dict[str, tuple[str, ...]]:
        """The options of a run that leave only some of the pipelines' nodes."""
        found = {"tags": self.tags, "namespaces": self.namespaces, "nodes": self.nodes}
        return {name: words for name, words in found.items() if words}


class Schedule(_JobModel):
    """When a job runs by itself.

    Attributes:
        cron: minute, hour, day of month, month, day of week.
        time_zone: whose clock counts.
    """

    cron: Annotated[str, AfterValidator(checked_cron)]
    time_zone: Annotated[str, AfterValidator(checked_zone)] = "UTC"


class Trigger(_JobModel):
    """What else lets a job run: that tables were written. On Databricks only.

    Attributes:
        tables: names of tables, as in the catalog.
        when: whether ``any`` of them is enough, or ``all`` must have been written.
        at_most_every: the least time between two runs.
        settled_for: how long nothing must have been written before the run begins.
    """

    tables: tuple[str, ...] = Field(min_length=1)
    when: Literal["any", "all"] = "any"
    at_most_every: Span | None = None
    settled_for: Span | None = None


class Serverless(_JobModel):
    """Databricks looks after machines.

    Attributes:
        kind: ``serverless``.
        environment_version: which of Databricks' base environments the wheel is installed into.
    """

    kind: Literal["serverless"]
    environment_version: str


class JobCluster(_JobModel):
    """A cluster that is made for a job's run, and goes with it.

    Attributes:
        kind: ``job_cluster``.
        spark_version: the runtime.
        node_type: of its machines; their names differ from cloud to cloud.
        workers: how many, besides the driver.
    """

    kind: Literal["job_cluster"]
    spark_version: str
    node_type: str
    workers: int = Field(ge=1)


class Existing(_JobModel):
    """A cluster that is there.

    Attributes:
        kind: ``existing``.
        cluster_id: its id.
    """

    kind: Literal["existing"]
    cluster_id: str


Compute = Annotated[Serverless | JobCluster | Existing, Field(discriminator="kind")]


class Notifications(_JobModel):
    """Who gets mail. On Databricks only; a scheduler on a machine of your own has its own ways.

    Attributes:
        on_failure: addresses, when a run has failed.
        on_success: addresses, when one has ended well.
        on_start: addresses, when one begins.
    """

    on_failure: tuple[str, ...] = ()
    on_success: tuple[str, ...] = ()
    on_start: tuple[str, ...] = ()


class Defaults(_JobModel):
    """What holds for every job that does not say otherwise.

    Attributes:
        compute: the name of one of the computes.
        retries: how often a task that failed is tried again.
        retry_after: how long to wait before that.
        timeout: how long a task may take, each time it is tried; one that takes longer is ended, and not tried again.
        notifications: who gets mail.
    """

    compute: str | None = None
    retries: int = Field(0, ge=0)
    retry_after: Span = timedelta(0)
    timeout: Span | None = None
    notifications: Notifications = Notifications()


class Job(_JobModel):
    """Tasks that belong together.

    Attributes:
        about: what it is for, in a line.
        tasks: what is run.
        schedule: when it runs by itself.
        trigger: what else lets it run; not beside a schedule.
        parameters: environment -> parameters of its runs there, by their paths.
        compute: the name of one of the computes.
        retries: how often a task that failed is tried again.
        retry_after: how long to wait before that.
        timeout: how long a task may take, each time it is tried; one that takes longer is ended, and not tried again.
        notifications: who gets mail.
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
            raise ValueError("it has a schedule and a trigger; Databricks takes one of them")
        names = [task.name for task in self.tasks]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"tasks: two are called {twice[0]}")
        for task in self.tasks:
            for other in task.depends_on or ():
                if other not in names:
                    raise ValueError(f"tasks.{task.name}.depends_on: no task {other!r}{did_you_mean(other, names)}")
        return self


class Permission(_JobModel):
    """What somebody may do with what a target deploys: exactly one of group, user and service principal.

    Attributes:
        level: ``CAN_VIEW``, ``CAN_RUN`` or ``CAN_MANAGE``.
        group: a group of the workspace.
        user: an address.
        service_principal: an application id.
    """

    level: Literal["CAN_VIEW", "CAN_RUN", "CAN_MANAGE"]
    group: str | None = None
    user: str | None = None
    service_principal: str | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Permission:
        if sum(each is not None for each in (self.group, self.user, self.service_principal)) != 1:
            raise ValueError("give one of group, user and service_principal")
        return self


class Variable(_JobModel):
    """A variable of the bundle: what differs from workspace to workspace.

    Attributes:
        about: what it is.
        default: its value where a target has no other. Without one, whoever deploys must give it.
    """

    about: str
    default: str | None = None


class Target(_JobModel):
    """A place that the bundle is deployed to.

    Attributes:
        env: Kedro's environment there.
        mode: ``development`` gives each developer a copy whose schedules are paused; ``production`` is for all.
        default: whether it is meant where no target is named.
        run_as: the service principal that the jobs are run as; by default whoever deploys.
        permissions: who else may see or run what is deployed.
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
            raise ValueError("production needs run_as, a service principal: a person leaves, and the jobs stop")
        return self


class BundleSettings(_JobModel):
    """The bundle that the jobs are deployed with.

    Attributes:
        name: of the bundle.
        root: where tables are: the option ``--root`` of every run.
        files: where files are: the option ``--files`` of every run.
        mlflow: where MLflow is: the option ``--mlflow`` of every run.
        variables: name -> a variable; written ``${var.name}`` wherever a text may stand.
        targets: name -> a place that the bundle is deployed to.
    """

    name: Name
    root: str
    files: str
    mlflow: str
    variables: dict[Name, Variable] = {}
    targets: dict[Name, Target]


class Jobs(_JobModel):
    """All jobs.

    Attributes:
        defaults: what holds for every job that does not say otherwise.
        compute: name -> what Databricks runs tasks on.
        jobs: name -> a job.
        databricks: how they are deployed there.
    """

    defaults: Defaults = Defaults()
    compute: dict[Name, Compute] = {}
    jobs: dict[Name, Job]
    databricks: BundleSettings
