"""``podium model``: the model versions of an environment, their lineage, and promotion to another environment."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import click

from .options import as_json, console, day, env_option, examples, json_option

if TYPE_CHECKING:
    from podium.registry.overview import Registered
    from podium.registry.promotion import PromotionPlan
    from podium.registry.tracking import TrackingLocation

__all__ = ["model"]

SHORT = 12


@click.group(short_help="Model versions, their lineage, and promotion.", epilog=examples("podium model list"))
def model() -> None:
    """List model versions, trace their lineage, train them again, and copy them to another environment."""


@model.command(
    "list",
    short_help="List versions with aliases, metrics, origin and SHA-256.",
    epilog=examples("podium model list", "podium model list flight_delay --env prod", "podium model list --json"),
)
@click.argument("name", required=False)
@env_option
@json_option
def list_(name: str | None, env: str, wants_json: bool) -> None:
    """List the versions of one model or of all models, newest first, with aliases, metrics, origin and SHA-256."""
    from podium.errors import PodiumError, did_you_mean
    from podium.registered import problems
    from podium.registry.overview import Registry

    from .project import open_project

    found = Registry(open_project(env).mlflow_uri).versions()
    known = {*problems(), *(version.name for version in found)}
    if name and name not in known:
        raise PodiumError(
            f"There is no model {name!r} in {env}{did_you_mean(name, known)}. The models are: "
            f"{', '.join(sorted(known))}."
        )
    shown = [version for version in found if name in (None, version.name)]
    if wants_json:
        as_json([_flat(version) for version in shown])
    elif shown:
        _print(shown)
    else:
        click.echo(
            f"{env} has no versions yet. To train and register one: kedro run --env {env} --pipelines "
            "training,evaluation,deployment"
        )


@model.command(
    short_help="Copy a version into another environment, as challenger.",
    epilog=examples(
        "podium model promote flight_delay --from staging --to prod --dry-run",
        "podium model promote flight_delay --from staging --to prod --version 3 --yes",
    ),
)
@click.argument("name")
@click.option("--from", "source", required=True, metavar="ENV", help="The environment to copy from.")
@click.option("--to", "target", required=True, metavar="ENV", help="The environment to copy to.")
@click.option("--version", type=click.IntRange(1), help="The version; defaults to the champion of --from.")
@click.option("--dry-run", is_flag=True, help="Print what would be done; do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def promote(
    name: str, source: str, target: str, version: int | None, dry_run: bool, yes: bool, wants_json: bool
) -> None:
    """Copy a version's files, evidence and lineage into another environment's registry, as challenger.

    The SHA-256 of the files is checked before and after the copy. The other environment's champion does not change. The
    copy still works if the original is deleted.
    """
    from podium.registry.promotion import plan_promotion
    from podium.registry.promotion import promote as carry_out

    here, there = _place(source, "read", name), _place(target, "write", name)
    plan = plan_promotion(name, here, there, str(version) if version else None)
    _explain(plan)
    number, done = plan.present, False
    if not dry_run:
        if not yes and not plan.alias:
            click.confirm(f"Copy {plan.name} {plan.origin} to {target}?", abort=True, err=True)
        number, done = carry_out(plan, lambda step: click.echo(f"{step} ...", err=True)), plan.present is None
    if wants_json:
        as_json(_result(plan, number, registered=done, dry_run=dry_run))
    elif not dry_run:
        said = "has the copy as" if done else "already had the same files as"
        click.echo(f"{target} {said} version {number}, {plan.alias or 'challenger'}. See: podium status --env {target}")


@model.command(
    short_help="Trace a version to its sources, and to what it was used for.",
    epilog=examples(
        "podium model lineage flight_delay",
        "podium model lineage flight_delay/2 --env prod",
        "podium model lineage flights.features_weather@3",
        "podium model lineage flight_delay --json",
    ),
)
@click.argument("name", metavar="NAME[@ALIAS|/VERSION]")
@env_option
@json_option
def lineage(name: str, env: str, wants_json: bool) -> None:
    """Trace a version back to table versions and source files, and forward to the tables made with the version.

    A name alone means the champion. NAME may also be a table from podium lake tables, and NAME@VERSION a version of
    that table.
    """
    from podium.lineage.tree import trace
    from podium.registry.tracking import asking
    from podium.registry.version_history import History

    from .lineage import as_dict, show

    place = _place(env, "read", name)
    _see_that_there_is_something(place)
    with asking(place.uri):
        tree = trace(History(place), name)
    if wants_json:
        as_json(as_dict(tree))
    else:
        show(tree)


@model.command(
    short_help="Train a version again; compare the two models.",
    epilog=examples(
        "podium model reproduce flight_delay/1",
        "podium model reproduce flight_delay@champion --env prod",
        "podium model reproduce flight_delay/1 --json",
    ),
)
@click.argument("name", metavar="NAME[@ALIAS|/VERSION]")
@env_option
@json_option
def reproduce(name: str, env: str, wants_json: bool) -> None:
    """Train a version again from its recorded table versions and parameters, and compare the two models' predictions.

    Writes and registers nothing. Exit code 1 if any prediction differs.
    """
    from .project import open_project
    from .reproduce import reproduce as again

    place = _place(env, "read", name)
    _see_that_there_is_something(place)
    project = open_project(env)
    with project.prepared():
        same = again(project, place, name, wants_json=wants_json)
    if not same:
        raise click.exceptions.Exit(1)


def _see_that_there_is_something(place: TrackingLocation) -> None:
    from podium.errors import PodiumError
    from podium.registry.tracking import prepare

    if not place.exists:
        raise PodiumError(f"No pipeline has run in {place.env} yet. Run: kedro run --env {place.env}")
    prepare(place.uri)


def _place(env: str, verb: Literal["read", "write"], name: str) -> TrackingLocation:
    """Return the location of an environment's MLflow. Raise if the user may not read or write its registry."""
    from podium.lakehouse import access
    from podium.registry.tracking import TrackingLocation

    from .project import open_project

    project = open_project(env)
    # A promotion checks the access rules of two environments, one after the other. prepared() applies an environment's
    # rules only inside the block, and then restores the rules that this process had before.
    with project.prepared():
        access.require(verb, "registry", name)
    return TrackingLocation.of(env, project.section("mlflow"))


def _explain(plan: PromotionPlan) -> None:
    """Print to stderr what a promotion would change, so that the user can confirm it. Programs may read stdout."""
    tags, to = plan.version.tags, plan.target.env
    verdict = f"{tags.get('podium.decision', 'nothing')} ({tags.get('podium.checks', 'no checks')})"
    lines = [
        f"{plan.name} {plan.origin}: {tags['podium.algorithm']}, as of {day(tags['podium.as_of'])}, "
        f"SHA-256 {plan.digest[:SHORT]}…",
        f"{plan.source.env} decided: {verdict}",
    ]
    if plan.alias:
        lines.append(
            f"{to} already has the same files as version {plan.present}, {plan.alias}. There is nothing to do."
        )
    elif plan.present:
        lines.append(f"{to} already has the same files as version {plan.present}, which would become challenger again.")
    else:
        lines.append(f"{to} would get a copy as challenger.")
    other = plan.aliases.get("challenger")
    if other and not plan.alias:
        lines.append(f"Version {other} would no longer be challenger in {to}.")
    lines.append(f"The champion in {to} does not change. Its version: {plan.aliases.get('champion', 'none')}.")
    for line in lines:
        click.echo(line, err=True)


def _result(plan: PromotionPlan, number: str | None, *, registered: bool, dry_run: bool) -> dict[str, Any]:
    return {
        "name": plan.name,
        "from": plan.source.env,
        "source_version": str(plan.version.version),
        "to": plan.target.env,
        "version": number,
        "alias": plan.alias or (None if dry_run else "challenger"),
        "digest": plan.digest,
        "registered": registered,
        "dry_run": dry_run,
    }


def _flat(version: Registered) -> dict[str, Any]:
    found = asdict(version)
    return {"name": found.pop("name"), **found.pop("status"), **found}


def _print(versions: list[Registered]) -> None:
    from rich.table import Table

    grid = Table("model", box=None, pad_edge=False, header_style="bold")
    grid.add_column("version", justify="right")
    for title in ("aliases", "algorithm", "as of"):
        grid.add_column(title)
    for title in ("ROC AUC", "baseline"):
        grid.add_column(title, justify="right")
    for title in ("decision", "from", "SHA-256"):
        grid.add_column(title)
    for found in versions:
        status = found.status
        auc = [figures.get("auc") for figures in (status.metrics, status.baseline)]
        grid.add_row(
            found.name,
            status.version,
            ", ".join(found.aliases),
            status.algorithm,
            day(status.as_of),
            *["" if value is None else f"{value:.3f}" for value in auc],
            status.decision,
            found.promoted_from or "trained here",
            found.digest[:SHORT],
        )
    console().print(grid)
