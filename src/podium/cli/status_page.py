"""How ``podium status`` looks to a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

from .options import day

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["METRICS", "alert_lines", "figures", "show"]

# What a person looks at, and how many digits say something.
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
    """Print what ``podium.cli.status.gather`` found."""
    out.print(f"[bold]{found['env']}[/]  {found['root']}", soft_wrap=True)
    for name, problem in found["problems"].items():
        out.print(f"\n[bold]{name}[/]  {problem['title']} ({problem['owner']})")
        for alias in ("champion", "challenger"):
            _show_version(alias, problem[alias], out)
        out.print(f"  alerts      {_count(problem['alerts'])}")
    out.print()
    if any(found["pipelines"].values()):
        out.print(_runs(found["pipelines"]))
    else:
        out.print("Nothing was run here yet. Run: podium demo, or kedro run --pipelines eda")
    for problem in found["problems"].values():
        for line in alert_lines(problem["alerts"]):
            out.print(line)


def figures(version: Mapping[str, Any]) -> str:
    """The figures of a version, each beside the baseline's on the same rows."""
    known = [name for name in METRICS if name in version["metrics"]]
    return ", ".join(
        f"{METRICS[name]} {version['metrics'][name]:.3f}"
        + (f" (baseline {version['baseline'][name]:.3f})" if name in version["baseline"] else "")
        for name in known
    )


def alert_lines(alerts: list[dict[str, Any]]) -> list[str]:
    """The gravest alerts, one line each; the others are counted."""
    if not alerts:
        return []
    lines = ["\n[bold]Open alerts[/]"]
    for alert in alerts[:MOST_ALERTS]:
        colour = COLOURS.get(alert["severity"], "none")
        lines.append(f"  [{colour}]{alert['severity']:<8}[/]  {alert['reason']}")
    more = len(alerts) - MOST_ALERTS
    return [*lines, f"  and {more} more: podium status --json"] if more > 0 else lines


def _show_version(alias: str, version: Mapping[str, Any] | None, out: Console) -> None:
    if version is None:
        out.print(f"  {alias:<10}  none")
        return
    head = f"version {version['version']}, {version['algorithm']}, as of {day(version['as_of'])}, {version['decision']}"
    out.print(f"  {alias:<10}  {head}")
    out.print(f"              {figures(version)}", soft_wrap=True)


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
        grid.add_row(name, started, day(run["as_of"]) or "newest", f"[{colour}]{run['outcome']}[/]", took)
    return grid
