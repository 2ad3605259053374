"""The sentences that ``podium demo`` prints about a finished stage, with figures from MLflow and the Delta logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.lakehouse.listing import Table, find_tables, rows_where
from podium.pipelines import OF_DOMAINS
from podium.registered import domains, problems
from podium.registry.overview import PipelineRun, Registry
from podium.registry.versions import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from .project import Project

__all__ = ["DOES", "Teller", "months_over", "words"]

DOES = {
    "eda": "ingests the source, profiles it and plots it",
    "feature_engineering": "refreshes the feature tables up to that moment",
    "training": "builds a training set, tunes the algorithms, fits the best one",
    "evaluation": "compares the candidate with a simple baseline, on weeks held out of training",
    "deployment": "registers the candidate; it becomes champion only if every check passes",
    "inference": "scores every request since, with the features known at its time",
    "monitoring": "compares new data and outcomes with the training data",
}


@dataclass(frozen=True)
class Scene:
    """The material for sentences about a stage of a domain or problem: its run, and the tables before and after it.

    Attributes:
        subject: the name of the domain or problem.
        run: the stage's run in MLflow.
        registry: the environment's registry.
        tables: the subject's tables after the run, by their names without the subject.
        before: the same tables before the run.
        rows: the subject's word for its rows.
    """

    subject: str
    run: PipelineRun
    registry: Registry
    tables: Mapping[str, Table]
    before: Mapping[str, Table]
    rows: str

    def zone(self, zone: str) -> list[Table]:
        """The subject's tables in a zone."""
        return [table for table in self.tables.values() if table.zone == zone]

    def added(self, table: Table) -> int:
        """The number of rows that the run added to a table."""
        before = self.before.get(table.name.partition(".")[2])
        return table.rows - (before.rows if before else 0)


class Teller:
    """Writes the sentences about a finished stage, one group for each domain or problem."""

    def __init__(self, project: Project):
        self._project = project
        self._registry = Registry(project.mlflow_uri)

    def tables(self) -> list[Table]:
        """List all tables of the environment with their current numbers of rows."""
        return find_tables(self._project.section("catalog"))

    def tell(self, pipeline: str, before: list[Table]) -> Iterator[str]:
        """Yield sentences about the last run of a pipeline. ``before`` lists the tables before that run."""
        run = self._registry.last_run(pipeline)
        now = self.tables()
        subjects = domains() if pipeline in OF_DOMAINS else problems()
        for subject in subjects if run else ():
            assert run is not None
            yield from SAYS[pipeline](
                Scene(
                    subject=subject,
                    run=run,
                    registry=self._registry,
                    tables={t.name.partition(".")[2]: t for t in now if t.namespace == subject},
                    before={t.name.partition(".")[2]: t for t in before if t.namespace == subject},
                    rows=words(self._project, subject)["rows"],
                )
            )


def words(project: Project, problem: str) -> dict[str, str]:
    """The problem's words for its rows and its positive label, such as flights and late."""
    said = project.section("parameters")[problem].get("evaluation", {}).get("words", {})
    return {"rows": "rows", "positive": "positive"} | said


def months_over(performance: Table | None, version: str) -> list[dict[str, Any]]:
    """The performance of a model version in each complete month, oldest first. Empty without a performance table."""
    months = rows_where(performance, model_version=version) if performance else []
    return sorted((month for month in months if month["complete"]), key=lambda month: month["window_start"])


def _eda(scene: Scene) -> Iterator[str]:
    bronze = scene.zone("bronze")
    bad = scene.tables.get("quarantine_rows")
    yield (
        f"{sum(table.rows for table in bronze):,} events in {len(bronze)} bronze tables; in quarantine, with the rule "
        f"that they broke: {bad.rows if bad else 0:,}."
    )


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
            f"{made['algorithm']} did best in {len(scene.registry.trials(scene.run))} trials "
            f"(ROC AUC {made['validation']['auc']:.3f} on the validation weeks); "
            f"the candidate is fitted to {made['rows']:,} {scene.rows} with {made['features']} features."
        )


def _evaluation(scene: Scene) -> Iterator[str]:
    found = scene.run.metrics
    if "auc" in found:
        failed = int(found["checks_failed"])
        yield (
            f"ROC AUC {found['auc']:.3f} on {found['rows']:,.0f} {scene.rows}, the baseline "
            f"{found['baseline_auc']:.3f}; {f'{failed} checks failed' if failed else 'every check passed'}."
        )


def _deployment(scene: Scene) -> Iterator[str]:
    number = scene.run.tags.get("podium.version")
    for alias in (CHAMPION, CHALLENGER):
        version = scene.registry.version(scene.subject, alias)
        if version is None or version.version != number:
            continue
        checks = version.checks.split("; ")
        failed = [check.partition(":")[0] for check in checks if not check.endswith("passed")]
        why = f"refused by {', '.join(failed)}" if failed else f"all {len(checks)} checks passed"
        yield f"Version {number} is {alias}: {why}."


def _inference(scene: Scene) -> Iterator[str]:
    log = scene.tables.get("predictions")
    champion = scene.registry.version(scene.subject, CHAMPION)
    if log and champion:
        new = scene.added(log)
        yield (
            f"{new:,} {scene.rows} scored by version {champion.version}; the log holds {log.rows:,} predictions."
            if new
            else f"No new requests; the log holds {log.rows:,} predictions."
        )


def _monitoring(scene: Scene) -> Iterator[str]:
    champion = scene.registry.version(scene.subject, CHAMPION)
    months = months_over(scene.tables.get("monitoring_performance"), champion.version) if champion else []
    known = [month["auc"] for month in months if month["auc"] is not None]
    alerts = rows_where(scene.tables["monitoring_alerts"], status="open") if "monitoring_alerts" in scene.tables else []
    critical = sum(alert["severity"] == "critical" for alert in alerts)
    if known:
        yield (
            f"ROC AUC from {min(known):.3f} to {max(known):.3f}; complete months: {len(known)}, "
            f"open alerts: {len(alerts)}, critical: {critical}."
        )


SAYS: dict[str, Callable[[Scene], Iterator[str]]] = {
    "eda": _eda,
    "feature_engineering": _feature_engineering,
    "training": _training,
    "evaluation": _evaluation,
    "deployment": _deployment,
    "inference": _inference,
    "monitoring": _monitoring,
}
