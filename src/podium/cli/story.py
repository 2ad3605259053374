"""What there is to tell about a stage once it has run, read from MLflow and the Delta logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from podium.lakehouse.listing import Table, find_files, find_tables, rows_where
from podium.problems import PROBLEMS
from podium.registry.status import PipelineRun, Registry
from podium.registry.versions import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from .project import Project

__all__ = ["DOES", "Teller"]

DOES = {
    "eda": "takes in the source and looks at it",
    "feature_engineering": "computes what can be known about each thing to predict, hour by hour",
    "training": "builds a training set, tries algorithms, fits the best one",
    "evaluation": "measures the candidate on the weeks that training never saw",
    "deployment": "registers the candidate; it becomes champion if every check passes",
    "inference": "scores everything asked so far, each with what was known when it was asked",
    "monitoring": "compares inputs, scores and outcomes with those of the training set",
}


@dataclass(frozen=True)
class Scene:
    """A stage that has run, for one problem.

    Attributes:
        run: the stage's run in MLflow.
        registry: to ask for more.
        tables: the problem's tables now, by their name without the problem; ``before``, as they were.
        reports: its pages.
        rows: how the problem calls its rows.
    """

    problem: str
    run: PipelineRun
    registry: Registry
    tables: Mapping[str, Table]
    before: Mapping[str, Table]
    reports: Mapping[str, Path]
    rows: str

    def zone(self, zone: str) -> list[Table]:
        """The tables of a zone."""
        return [table for table in self.tables.values() if table.zone == zone]

    def added(self, table: Table) -> int:
        """How many rows a table has gained."""
        before = self.before.get(table.name.partition(".")[2])
        return table.rows - (before.rows if before else 0)


class Teller:
    """Tells what came out of a stage."""

    def __init__(self, project: Project):
        self._project = project
        self._registry = Registry(project.mlflow_uri)

    def tables(self) -> list[Table]:
        """All tables as they are now."""
        return find_tables(self._project.section("catalog"))

    def tell(self, pipeline: str, before: list[Table]) -> Iterator[str]:
        """A sentence or two for each problem, about a pipeline that has just run; ``before`` are the tables then."""
        run = self._registry.last_run(pipeline)
        now = self.tables()
        reports = find_files(self._project.section("catalog"), "report_")
        for problem in PROBLEMS if run else ():
            assert run is not None
            yield from SAYS[pipeline](
                Scene(
                    problem=problem,
                    run=run,
                    registry=self._registry,
                    tables={t.name.partition(".")[2]: t for t in now if t.problem == problem},
                    before={t.name.partition(".")[2]: t for t in before if t.problem == problem},
                    reports={n.partition(".")[2]: path for n, path in reports.items() if n.startswith(f"{problem}.")},
                    rows=rows_called(self._project, problem),
                )
            )


def rows_called(project: Project, problem: str) -> str:
    """How a problem calls its rows, such as flights."""
    return project.section("parameters")[problem].get("evaluation", {}).get("words", {}).get("rows", "rows")


def _eda(scene: Scene) -> Iterator[str]:
    bronze = scene.zone("bronze")
    bad = scene.tables.get("quarantine_rows")
    yield (
        f"{sum(t.rows for t in bronze):,} events in {len(bronze)} bronze tables; "
        f"{bad.rows if bad else 0:,} rows broke a rule and are in quarantine, with the reason."
    )
    if "report_eda" in scene.reports:
        yield f"The pictures: {scene.reports['report_eda']}"


def _feature_engineering(scene: Scene) -> Iterator[str]:
    tables = [table for table in scene.zone("features") if not table.name.endswith("_refreshes")]
    new = sum(scene.added(table) for table in tables)
    rows = sum(table.rows for table in tables)
    yield f"{len(tables)} feature tables hold {rows:,} rows, " + (
        f"{new:,} of them new." if new else "none of them new."
    )


def _training(scene: Scene) -> Iterator[str]:
    made = scene.registry.document(scene.run, "training.json")
    if made:
        yield (
            f"{made['algorithm']} did best in {scene.registry.trials(scene.run)} trials "
            f"(ROC AUC {made['validation']['auc']:.3f} on the last weeks it may see); "
            f"the candidate knows {made['features']} features of {made['rows']:,} {scene.rows}."
        )


def _evaluation(scene: Scene) -> Iterator[str]:
    found = scene.run.metrics
    if "auc" in found:
        failed = int(found["checks_failed"])
        yield (
            f"ROC AUC {found['auc']:.3f} on {found['rows']:,.0f} {scene.rows}, the baseline "
            f"{found['baseline_auc']:.3f}; {f'{failed} checks failed' if failed else 'every check passed'}."
        )
    if "report_model_card" in scene.reports:
        yield f"The model card: {scene.reports['report_model_card']}"


def _deployment(scene: Scene) -> Iterator[str]:
    number = scene.run.tags.get("podium.version")
    for alias in (CHAMPION, CHALLENGER):
        version = scene.registry.version(scene.problem, alias)
        if version is None or version.version != number:
            continue
        checks = version.checks.split("; ")
        failed = [check.partition(":")[0] for check in checks if not check.endswith("passed")]
        why = f"refused by {', '.join(failed)}" if failed else f"all {len(checks)} checks passed"
        yield f"Version {number} is {alias}: {why}."


def _inference(scene: Scene) -> Iterator[str]:
    log = scene.tables.get("predictions")
    champion = scene.registry.version(scene.problem, CHAMPION)
    if log and champion:
        new = scene.added(log)
        yield (
            f"{new:,} {scene.rows} scored by version {champion.version}; the log holds {log.rows:,} predictions."
            if new
            else f"Nothing new was asked; the log holds {log.rows:,} predictions."
        )


def _monitoring(scene: Scene) -> Iterator[str]:
    months = rows_where(scene.tables["monitoring_performance"]) if "monitoring_performance" in scene.tables else []
    known = [month["auc"] for month in months if month["auc"] is not None]
    alerts = rows_where(scene.tables["monitoring_alerts"], status="open") if "monitoring_alerts" in scene.tables else []
    critical = sum(alert["severity"] == "critical" for alert in alerts)
    if known:
        yield (
            f"{len(known)} months with outcomes, ROC AUC from {min(known):.3f} to {max(known):.3f}; "
            f"{len(alerts)} open alerts, {critical} of them critical."
        )
    for name in sorted(scene.reports):
        if name not in {"report_eda", "report_model_card"}:
            yield f"The report: {scene.reports[name]}"


SAYS: dict[str, Callable[[Scene], Iterator[str]]] = {
    "eda": _eda,
    "feature_engineering": _feature_engineering,
    "training": _training,
    "evaluation": _evaluation,
    "deployment": _deployment,
    "inference": _inference,
    "monitoring": _monitoring,
}
