"""The output of ``podium model reproduce``: the plan, and the result of the comparison."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .options import as_json, day

if TYPE_CHECKING:
    from podium.lineage.reproduction import Again, ReproductionPlan
    from podium.registry.tracking import TrackingLocation

    from .project import Project

__all__ = ["reproduce"]

SHORT = 8


def reproduce(project: Project, place: TrackingLocation, name: str, *, wants_json: bool) -> bool:
    """Train a version again, and print how it compares with the original. Return whether all predictions are equal."""
    from kedro.io import DataCatalog

    from podium.lineage.reproduction import carry_out, plan
    from podium.pipeline_registry import register_pipelines
    from podium.registry.runs import code_version
    from podium.registry.tracking import asking
    from podium.registry.version_history import History

    history = History(place)
    catalog = DataCatalog.from_config(project.section("catalog"))
    with asking(place.uri):
        planned = plan(history, history.version(name), register_pipelines()["training"], catalog)
        _announce(planned)
        again = carry_out(planned, history, catalog)
    changes = _changes(planned, code_version(project.conf), _engine())
    if wants_json:
        as_json(_as_dict(planned, again, changes))
    else:
        _conclude(planned, again, changes)
    return again.same


def _engine() -> str:
    from podium.lakehouse import engine

    settings = engine.current()
    return settings.meant if settings else ""


def _announce(plan: ReproductionPlan) -> None:
    known, run = plan.known, plan.run
    click.echo(
        f"{known.name}/{known.version}: training again as of {day(run.as_of)} on {len(plan.tables)} tables, in the "
        f"versions that run {run.run_id[:SHORT]} of {run.started:%Y-%m-%d %H:%M} read. Nothing is written.",
        err=True,
    )


def _changes(plan: ReproductionPlan, code: dict[str, str], engine: str) -> list[str]:
    """Describe how code and engine have changed since training: a change may explain why predictions differ."""
    run, changed = plan.run, []
    if run.package != code["package"]:
        now = f"{code.get('commit', '')[:SHORT]}{' and uncommitted changes' if code.get('dirty') == 'true' else ''}"
        then = f"{run.commit[:SHORT]}{' and uncommitted changes' if run.changed else ''}"
        changed.append(f"The code has changed: {then or run.package} then, {now or code['package']} now.")
    if run.engine != engine:
        changed.append(f"The engine has changed: {run.engine} then, {engine} now.")
    return changed


def _conclude(plan: ReproductionPlan, again: Again, changes: list[str]) -> None:
    known = plan.known
    if again.same:
        bytes_ = "and so are the model's files" if again.same_bytes else "but the model's files differ"
        click.echo(
            f"The same: all {again.rows:,} predictions are equal to the registered version's, {bytes_}. "
            f"SHA-256 {again.digest[:16]}…."
        )
    else:
        click.echo(
            f"Not the same: {again.different:,} of {again.rows:,} predictions differ, by {again.most:.3g} at most. "
            f"The new model has SHA-256 {again.digest[:16]}…, the registered version {known.digest[:16]}…."
        )
    for change in changes:
        click.echo(change)
    if not again.same and not changes:
        click.echo(
            "Code and engine are unchanged, so a library may have changed. To install the locked ones: make setup"
        )


def _as_dict(plan: ReproductionPlan, again: Again, changes: list[str]) -> dict[str, Any]:
    known = plan.known
    return {
        "name": known.name,
        "version": known.version,
        "same": again.same,
        **asdict(again),
        "registered_digest": known.digest,
        "run_id": plan.run.run_id,
        "as_of": plan.run.as_of,
        "tables": {name: state.digest for name, state in sorted(plan.tables.items())},
        "changed_since": changes,
    }
