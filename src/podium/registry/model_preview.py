"""Previews of champion, candidate, evidence and trials for kedro-viz, made without loading a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from podium.errors import PodiumError
from podium.lakehouse import access
from podium.lakehouse.preview_types import JSONPreview, TablePreview

from .overview import PipelineRun, Registry

__all__ = ["candidate", "champion", "evidence", "trials"]

ZONE = "registry"
NOTHING = "There is nothing to show yet. First run the pipeline that writes this dataset."


def champion(uri: str, problem: str) -> JSONPreview:
    """The champion's version, metrics and checks."""

    def tell() -> Mapping[str, Any] | None:
        found = next((each for each in Registry(uri).versions(problem) if "champion" in each.aliases), None)
        if found is None:
            return None
        return {
            "version": found.status.version,
            "algorithm": found.status.algorithm,
            "as_of": found.status.as_of,
            "sha256": found.digest,
            "figures": found.status.metrics,
            "baseline": found.status.baseline,
            "checks": dict(check.split(": ", 1) for check in found.status.checks.split("; ") if check),
        }

    return _json(tell, f"{problem}: the champion")


def candidate(uri: str, problem: str) -> JSONPreview:
    """Preview the newest candidate: algorithm, ``as_of``, SHA-256 of the model's files, and training record."""

    def tell() -> Mapping[str, Any] | None:
        registry = Registry(uri)
        run = registry.newest(candidate=problem)
        return None if run is None else {**_model(run), "training": registry.document(run, "training.json")}

    return _json(tell, f"{problem}: the candidate")


def evidence(uri: str, problem: str) -> JSONPreview:
    """The newest evaluation: metrics with their intervals, and each check with its result and reason."""

    def tell() -> Mapping[str, Any] | None:
        registry = Registry(uri)
        run = registry.newest(kind="evidence", problem=problem)
        if run is None:
            return None
        found = registry.document(run, "evaluation.json")
        checks = {
            check["name"]: f"{'passed' if check['passed'] else 'FAILED'}. {check['reason']}"
            for check in found.get("checks", ())
        }
        told = ("window", "rows", "candidate", "baseline", "champion", "gain_over_baseline", "gain_over_champion")
        return {"sha256": run.tags["podium.evaluates"], "checks": checks} | {name: found.get(name) for name in told}

    return _json(tell, f"{problem}: the evidence")


def trials(uri: str, problem: str) -> TablePreview:
    """The trials of the run that trained the newest candidate: algorithm, metrics, hyperparameters."""
    from podium.lakehouse.table_preview import said, table_of

    try:
        access.require("read", ZONE, f"{problem}: trials")
        registry = Registry(uri)
        run = registry.newest(candidate=problem)
        rows = registry.trials(run) if run else []
    except PodiumError as why:
        return said(str(why))
    figures = sorted({name for row in rows for name in row.metrics})
    cells = [
        [row.tags["mlflow.runName"], *(_short(row.metrics.get(name)) for name in figures), row.params.get("params")]
        for row in rows
    ]
    return table_of(["trial", *figures, "params"], cells) if rows else said(NOTHING)


def _short(figure: float | None) -> str | None:
    return None if figure is None else f"{figure:.4g}"


def _model(run: PipelineRun) -> dict[str, Any]:
    names = {"algorithm": "algorithm", "as_of": "as_of", "digest": "sha256"}
    return {shown: run.tags.get(f"podium.{name}") for name, shown in names.items()}


def _json(tell: Callable[[], Mapping[str, Any] | None], what: str) -> JSONPreview:
    try:
        access.require("read", ZONE, what)
        told = tell() or {"no preview": NOTHING}
    except PodiumError as why:
        told = {"no preview": str(why)}
    return JSONPreview(json.dumps(told))
