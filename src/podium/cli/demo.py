"""``podium demo``: run a model's whole life in one session, and print a summary of each stage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from podium.pipelines import STAGES

from .options import console, day, env_option, examples

if TYPE_CHECKING:
    from kedro.framework.session import KedroServiceSession
    from rich.console import Console

    from .project import Project

__all__ = ["demo"]

MOMENT = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"])
# The demo runs the stages in MADE, which produce the model, as of --as-of. It runs the stages in USED, which apply the
# model, as of --later.
MADE = STAGES[:5]
USED = ("feature_engineering", "inference", "monitoring")
PACKAGE = "package:"


@click.command(
    short_help="Run a model's whole life, with a summary of each stage.",
    epilog=examples(
        "podium demo", "podium demo --as-of 2013-06-01 --later 2013-09-03", "podium demo --source my-flights"
    ),
)
@env_option
@click.option(
    "--as-of",
    type=MOMENT,
    metavar="DATE",
    default="2013-08-01",
    show_default=True,
    help="Train and deploy the model with the data known at DATE.",
)
@click.option(
    "--later",
    type=MOMENT,
    metavar="DATE",
    default="2014-01-03",
    show_default=True,
    help="Score requests and monitor the model up to DATE.",
)
@click.option("--source", help="Folder of source files, in place of those that the catalog names.")
@click.option("--verbose", "-v", is_flag=True, help="Also print each finished node.")
def demo(env: str, as_of: datetime, later: datetime, source: str | None, verbose: bool) -> None:
    """Run all stages of a model's life, from exploration to monitoring, and print a summary of each.

    eda, feature_engineering, training, evaluation and deployment run as of --as-of. feature_engineering, inference on
    every request since then, and monitoring run as of --later. No stage uses data that became known after its own
    time. The command is idempotent: a second run changes no table and registers nothing.
    """
    if later <= as_of:
        raise click.BadParameter(f"it must be after --as-of ({day(as_of)}).", param_hint="'--later'")
    from rich.markup import escape

    from .project import open_project
    from .summary import show_summary

    project, out = open_project(env), console()
    out.print(f"A model's life in [bold]{project.env}[/], kept in {escape(project.root)}", soft_wrap=True)
    _run(project, list(_steps(as_of, later)), _overrides(source), out, verbose=verbose)
    show_summary(project, out)


def _steps(as_of: datetime, later: datetime) -> Iterator[tuple[str, datetime]]:
    yield from ((pipeline, as_of) for pipeline in MADE)
    yield from ((pipeline, later) for pipeline in USED)


def _overrides(source: str | None) -> dict[str, Any]:
    """The runtime parameters that make every domain read ``source``. Empty if ``source`` is None."""
    if source is None:
        return {}
    from podium.registered import domains

    folder = source if source.startswith(PACKAGE) else str(Path(source).expanduser().resolve())
    return {name: {"source": folder} for name in domains()}


def _run(
    project: Project, steps: list[tuple[str, datetime]], overrides: dict[str, Any], out: Console, *, verbose: bool
) -> None:
    from .narration import narrated
    from .story import DOES, Teller

    session, teller = _session(project), Teller(project)
    for number, (pipeline, moment) in enumerate(steps, start=1):
        head = f"[bold]{number}/{len(steps)} {pipeline}[/] as of {day(moment)}"
        before = teller.tables()
        started = perf_counter()
        with narrated(out, head, verbose=verbose):
            session.run(pipeline_names=[pipeline], runtime_params={"as_of": moment.isoformat(), **overrides})
        out.print(f"\n{head}: {DOES[pipeline]} [dim]({perf_counter() - started:.1f} s)[/]", soft_wrap=True)
        for sentence in teller.tell(pipeline, before):
            out.print(f"    {sentence}", soft_wrap=True)


def _session(project: Project) -> KedroServiceSession:
    from kedro.framework.project import configure_project
    from kedro.framework.session import KedroServiceSession

    configure_project("podium")
    return KedroServiceSession.create(project_path=project.path, env=project.env, conf_source=project.conf)
