"""The command ``podium status``: show champion and challenger, last runs and open alerts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from podium.pipelines import STAGES

from .options import as_json, console, env_option, examples, json_option

if TYPE_CHECKING:
    from podium.registry.overview import PipelineRun

    from .project import Project

__all__ = ["open_alerts", "status"]

GRAVEST = "critical"
RUN = ("run_id", "as_of", "started", "outcome", "seconds")


@click.command(
    short_help="Champion, challenger, last runs, open alerts.",
    epilog=examples("podium status", "podium status --env prod", "podium status --json"),
)
@env_option
@json_option
def status(env: str, wants_json: bool) -> None:
    """Show every problem's champion and challenger with their metrics, every pipeline's last run, and open alerts."""
    from .project import open_project

    project = open_project(env)
    with project.prepared():
        found = gather(project)
    if wants_json:
        as_json(found)
    else:
        from .status_page import show

        show(found, console())


def gather(project: Project) -> dict[str, Any]:
    """Collect what ``podium status`` shows, as nested dictionaries."""
    from podium.registered import problems
    from podium.registry.overview import Registry
    from podium.registry.versions import CHALLENGER, CHAMPION

    registry = Registry(project.mlflow_uri)
    alerts = open_alerts(project)
    found = {}
    for name, problem in problems().items():
        versions = {alias: registry.version(name, alias) for alias in (CHAMPION, CHALLENGER)}
        found[name] = {
            "title": problem.title,
            "owner": problem.owner,
            **{alias: asdict(version) if version else None for alias, version in versions.items()},
            "alerts": alerts.get(name, []),
        }
    runs = {name: registry.last_run(name) for name in STAGES}
    return {
        "env": project.env,
        "root": project.root,
        "problems": found,
        "pipelines": {name: _run(run) if run else None for name, run in runs.items()},
    }


def open_alerts(project: Project) -> dict[str, list[dict[str, Any]]]:
    """Map each problem that has an alerts table to its open alerts: critical before others, then newest first."""
    from podium.lakehouse.listing import find_tables, rows_where

    tables = [table for table in find_tables(project.section("catalog")) if table.name.endswith(".monitoring_alerts")]
    found = {table.namespace: rows_where(table, status="open") for table in tables}
    for alerts in found.values():
        alerts.sort(key=lambda alert: alert["window_start"], reverse=True)
        alerts.sort(key=lambda alert: alert["severity"] != GRAVEST)
    return found


def _run(run: PipelineRun) -> dict[str, Any]:
    return {key: value for key, value in asdict(run).items() if key in RUN}
