"""The command ``podium jobs``: list jobs, run them on this machine, and write them as a Databricks bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import as_json, console, day, env_option, examples, json_option

if TYPE_CHECKING:
    from podium.jobs.bundle_files import Change
    from podium.jobs.definition import Job
    from podium.jobs.state import Run

    from .project import Project

__all__ = ["jobs"]

STALE = 1
DID = {"add": "added", "replace": "replaced", "remove": "removed"}


@click.group(
    short_help="Run jobs here, or write them as a Databricks bundle.",
    epilog=examples("podium jobs list", "podium jobs run retrain --env prod", "podium jobs bundle"),
)
def jobs() -> None:
    """List and run jobs. A job is a list of pipelines with an order and a schedule; conf/base/jobs.yml defines it."""


@jobs.command(
    short_help="Write the Databricks bundle.",
    epilog=examples("podium jobs bundle", "podium jobs bundle --check", "podium jobs bundle --output /tmp/bundle"),
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write.  [default: databricks/ of the project]",
)
@click.option("--check", is_flag=True, help="Write nothing; print a diff, and exit with code 1 if files would change.")
@click.option("--dry-run", is_flag=True, help="Write nothing; list the files that would change.")
def bundle(output: Path | None, check: bool, dry_run: bool) -> None:
    """Write databricks/: the bundle's settings, its jobs, and the locked versions of Python packages.

    The files are databricks.yml with targets and variables, a file for each job, and requirements.txt, which a cluster
    installs beside the wheel. First the command checks that everything that the jobs name exists, and that the models
    of databricks-bundles accept the jobs. It changes no file that it did not write itself.
    """
    from podium.jobs.bundle_files import changes, texts, write
    from podium.jobs.checks import checked_jobs

    from .project import find_project

    home, conf = find_project()
    folder = output or home / "databricks"
    found = changes(folder, texts(checked_jobs(conf), home))
    if check and found:
        click.echo("".join(change.diff() for change in found), nl=False)
        click.echo(f"{folder} differs from conf/base/jobs.yml or requirements.lock. Run: podium jobs bundle", err=True)
        raise SystemExit(STALE)
    if not (check or dry_run):
        write(folder, found)
    _tell(folder, found, would=dry_run)


def _tell(folder: Path, found: list[Change], *, would: bool) -> None:
    for change in found:
        click.echo(f"{'would be ' if would else ''}{DID[change.verb]}: {folder / change.name}")
    if not found:
        click.echo(f"{folder} is up to date.")


@jobs.command(
    "list",
    short_help="Jobs with their tasks, schedules and last runs.",
    epilog=examples("podium jobs list", "podium jobs list --env prod --json"),
)
@env_option
@json_option
def list_(env: str, wants_json: bool) -> None:
    """List every job with its tasks, its schedule, and its last run on this machine."""
    from podium.jobs.reading import read_jobs
    from podium.jobs.state import last_run

    from .project import open_project

    project = open_project(env)
    found = read_jobs(project.conf).jobs
    runs = {name: last_run(_folder(project), name) for name in found}
    if wants_json:
        as_json([_flat(name, job, runs[name]) for name, job in found.items()])
    else:
        _print(found, runs)


@jobs.command(
    short_help="Run a job here.",
    epilog=examples(
        "podium jobs run retrain",
        "podium jobs run retrain --env prod --params as_of=2013-09-01",
        "podium jobs run retrain --env prod --resume",
        "podium jobs run retrain --dry-run",
    ),
)
@click.argument("name")
@env_option
@click.option("--params", default="", metavar="NAME=VALUE,...", help="Parameters of every task, as for podium run.")
@click.option("--resume", is_flag=True, help="Continue the last run at the task that failed or was stopped.")
@click.option("--dry-run", is_flag=True, help="Print the commands; run nothing.")
def run(name: str, env: str, params: str, resume: bool, dry_run: bool) -> None:
    """Run a job's tasks in order, each in its own process, and retry a failed task as often as the job says.

    A job has one run at a time. The state is saved in the environment's local folder, so --resume can continue a run
    that failed or was stopped, with the same parameters. Exit code 1: a task failed; 3: files of a source were left
    out; 130: Ctrl-C stopped the run; 143: SIGTERM did.
    """
    if resume and params:
        raise click.UsageError("--resume keeps the parameters of the run that it continues; leave out --params.")
    from podium.jobs.checks import checked_jobs
    from podium.jobs.plan import begun, resumed
    from podium.jobs.running import run_job, shown
    from podium.jobs.state import alone

    from .project import open_project

    project = open_project(env)
    checked, folder = checked_jobs(project.conf), _folder(project)
    fresh = begun(checked, name, env, params)
    if dry_run:
        planned = resumed(folder, fresh) if resume else fresh
        for task in planned.left:
            click.echo(f"{task}: {shown(planned.commands[task])}")
        return
    with alone(folder, name) as lock:
        planned = resumed(folder, fresh) if resume else fresh
        if not resume:
            _remind(folder, name)
        run_job(planned, checked.steps(name), folder, lock=lock, say=_say)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _remind(folder: Path, name: str) -> None:
    """Warn if the job's last run is unfinished, because a new run discards the state that --resume needs."""
    from podium.jobs.state import last_run

    before = last_run(folder, name)
    if before and before.left:
        when = f"{before.started:%Y-%m-%d %H:%M} UTC"
        _say(f"The run of {when} stopped at {before.left[0]}. A new run starts, and that one can no longer be resumed.")


def _folder(project: Project) -> Path:
    return Path(project.section("globals")["local"], "jobs")


def _flat(name: str, job: Job, last: Run | None) -> dict[str, Any]:
    return {
        "name": name,
        "about": job.about,
        "tasks": [task.name for task in job.tasks],
        "schedule": job.schedule and job.schedule.model_dump(),
        "trigger": job.trigger and list(job.trigger.tables),
        "last_run": last
        and {
            "started": last.started,
            "left": last.left,
            "tasks": {task: state.model_dump() for task, state in last.tasks.items()},
        },
    }


def _print(found: dict[str, Job], runs: dict[str, Run | None]) -> None:
    from rich.table import Table as Grid

    grid = Grid("job", "when", "tasks", "last run here", box=None, pad_edge=False, header_style="bold")
    for name, job in found.items():
        grid.add_row(name, _when(job), ", ".join(task.name for task in job.tasks), _how(runs[name]))
    console().print(grid)


def _when(job: Job) -> str:
    if job.schedule:
        return f"{job.schedule.cron} ({job.schedule.time_zone})"
    return f"after {', '.join(job.trigger.tables)}" if job.trigger else "on demand"


def _how(last: Run | None) -> str:
    if last is None:
        return "never"
    return f"{day(last.started)} {f'stopped at {last.left[0]}' if last.left else 'done'}"
