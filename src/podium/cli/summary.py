"""The summary at the end of ``podium demo``: the champion, its performance, open alerts, and commands to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from podium.lakehouse.listing import find_files, find_tables

from .options import DEFAULT_ENV, typed
from .status import gather
from .status_page import figures, grid_of, show_alerts
from .story import months_over, words

if TYPE_CHECKING:
    from rich.console import Console

    from .project import Project

__all__ = ["show_summary"]


def show_summary(project: Project, out: Console) -> None:
    """Print a summary of every problem, from MLflow and the tables."""
    for name, problem in gather(project)["problems"].items():
        out.print(f"\n[bold]{problem['title']}[/]")
        _champion(problem, out)
        if problem["champion"]:
            _in_use(project, name, problem["champion"]["version"], out)
        show_alerts(problem["alerts"], out, limit=5)
    reports = find_files(project.section("catalog"), "report_")
    if reports:
        out.print("\n[bold]Open in a browser[/]")
        for url in reports.values():
            out.print(f"  {url}", soft_wrap=True)
    _next(project, out)


def _next(project: Project, out: Console) -> None:
    commands = {
        f"podium status --env {project.env}": "champion, last runs, open alerts",
        f"podium lake tables --env {project.env}": "every table with its rows and version",
        f"kedro run --env {project.env} --pipelines training": "a new candidate, from the newest data",
        f"make viz ENV={project.env}": "pipelines, tables and last runs as a picture, in a browser",
        f"make mlflow ENV={project.env}": "runs, trials, models, in a browser",
    }
    if project.env == DEFAULT_ENV:
        commands = {command.replace(f" --env {project.env}", ""): what for command, what in commands.items()}
    out.print("\n[bold]Type next[/]")
    width = max(len(typed(command)) for command in commands)
    for command, what in commands.items():
        out.print(f"  {escape(typed(command)):<{width}}  [dim]{what}[/]", soft_wrap=True)


def _champion(problem: dict[str, Any], out: Console) -> None:
    champion = problem["champion"]
    if champion is None:
        out.print(
            "\nThere is no champion: no candidate passed every check. To see which checks failed: podium status --json"
        )
        return
    out.print(
        f"\n[bold]Champion[/]: version {champion['version']}, {champion['algorithm']}, on "
        f"{champion['metrics'].get('rows', 0):,.0f} rows that were held out of training:\n"
    )
    out.print(figures(problem))


def _in_use(project: Project, problem: str, version: str, out: Console) -> None:
    """Print the number of predictions, and the champion's performance in each complete month."""
    tables = {table.name: table for table in find_tables(project.section("catalog"))}
    log, said = tables.get(f"{problem}.predictions"), words(project, problem)
    if log:
        out.print(f"\n[bold]In use[/]: {log.rows:,} predictions in {log.name}; performance by complete month:\n")
    months = months_over(tables.get(f"{problem}.monitoring_performance"), version)
    grid = grid_of("", said["rows"], said["positive"], "expected", "ROC AUC", "calibration error")
    for month in months:
        figures = [month[name] for name in ("positive_rate", "mean_score", "auc", "calibration_error")]
        forms = ("{:.1%}", "{:.1%}", "{:.3f}", "{:.3f}")
        shown = ["" if value is None else form.format(value) for form, value in zip(forms, figures, strict=True)]
        grid.add_row(f"{month['window_start']:%Y-%m}", f"{month['labelled']:,}", *shown)
    if months:
        out.print(grid)
