"""Print ``podium status`` as text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from .options import day

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["figures", "grid_of", "show", "show_alerts"]

ALIASES = ("champion", "challenger")
# The metrics that ``podium status`` and the summary of ``podium demo`` show, with their titles.
METRICS = {
    "auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}
COLOURS = {"critical": "red", "warning": "yellow", "finished": "green", "failed": "red", "running": "yellow"}
MOST_ALERTS = 10


def show(found: Mapping[str, Any], out: Console) -> None:
    """Print the result of ``podium.cli.status.gather``."""
    out.print(f"[bold]{found['env']}[/]  {escape(found['root'])}", soft_wrap=True)
    for name, problem in found["problems"].items():
        out.print(f"\n[bold]{name}[/]  {problem['title']} ({problem['owner']})")
        for alias in ALIASES:
            out.print(f"  {alias:<10}  {_version(problem[alias])}")
        out.print(f"  {'alerts':<10}  {_count(problem['alerts'])}")
        if any(problem[alias] for alias in ALIASES):
            out.print()
            out.print(figures(problem))
    out.print()
    if any(found["pipelines"].values()):
        out.print(_runs(found["pipelines"]))
    else:
        out.print(
            f"No pipeline has run in {found['env']} yet. Run: podium demo --env {found['env']}, or kedro run "
            f"--env {found['env']} --pipelines eda"
        )
    for problem in found["problems"].values():
        show_alerts(problem["alerts"], out, limit=MOST_ALERTS)


def figures(problem: Mapping[str, Any]) -> Table:
    """A table with the metrics of champion and challenger, each beside the baseline's metrics on the same rows."""
    versions = [(alias, problem[alias]) for alias in ALIASES if problem[alias]]
    grid = grid_of("", *[title for alias, _ in versions for title in (alias, "baseline")])
    for metric, title in METRICS.items():
        values = [found.get(metric) for _, version in versions for found in (version["metrics"], version["baseline"])]
        grid.add_row(title, *["" if value is None else f"{value:.3f}" for value in values])
    return grid


def grid_of(first: str, *others: str) -> Table:
    """Create an empty table without borders: a text column, then right-aligned columns for numbers."""
    from rich.table import Table

    grid = Table(first, box=None, pad_edge=True, header_style="bold", padding=(0, 2))
    for title in others:
        grid.add_column(title, justify="right")
    return grid


def show_alerts(alerts: list[dict[str, Any]], out: Console, *, limit: int) -> None:
    """Print the number of alerts, then the first alerts, at most ``limit``, each cut to one line."""
    if not alerts:
        return
    out.print(f"\n[bold]Alerts[/]: {_count(alerts)}")
    for alert in alerts[:limit]:
        colour = COLOURS.get(alert["severity"], "none")
        line = f"  [{colour}]{alert['severity']:<8}[/]  {escape(alert['reason'])}"
        out.print(line, no_wrap=True, overflow="ellipsis")
    if len(alerts) > limit:
        out.print(f"  and {len(alerts) - limit} more. To see all alerts in full: podium status --json", soft_wrap=True)


def _version(version: Mapping[str, Any] | None) -> str:
    if version is None:
        return "none"
    return f"version {version['version']}, {version['algorithm']}, as of {day(version['as_of'])}, {version['decision']}"


def _count(alerts: list[dict[str, Any]]) -> str:
    critical = sum(alert["severity"] == "critical" for alert in alerts)
    return f"{len(alerts)} open, {critical} critical" if alerts else "none open"


def _runs(pipelines: Mapping[str, Mapping[str, Any] | None]) -> Table:
    from rich.table import Table

    grid = Table("pipeline", "last run (UTC)", "as of", "outcome", box=None, pad_edge=False, header_style="bold")
    grid.add_column("took", justify="right")
    for name, run in pipelines.items():
        if run is None:
            grid.add_row(name, "never", "", "", "")
            continue
        colour = COLOURS.get(run["outcome"], "none")
        took = f"{run['seconds']:.1f} s" if run["seconds"] is not None else ""
        started = run["started"].astimezone(UTC).strftime("%Y-%m-%d %H:%M")
        grid.add_row(name, started, day(run["as_of"]), f"[{colour}]{run['outcome']}[/]", took)
    return grid
