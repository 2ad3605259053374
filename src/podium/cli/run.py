"""The command ``podium run``: ``kedro run``, which here also works from an installed wheel."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from .options import env_option, examples

__all__ = ["run"]

PLACES = ("root", "files", "mlflow")


class KedroRun(click.Command):
    """A command with the options of ``kedro run``. It looks them up only when used, because Kedro is slow to import."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Podium's own options, then those of ``kedro run`` except --env, then --help."""
        *own, last = super().get_params(ctx)
        return [*own, *(each for each in _kedro_run().params if each.name != "env"), last]


def _kedro_run() -> click.Command:
    from kedro.framework.cli.project import run as kedro_run

    return kedro_run


@click.command(
    cls=KedroRun,
    short_help="Run pipelines, as kedro run does.",
    epilog=examples(
        "podium run --pipelines training",
        "podium run --env prod --pipelines feature_engineering,inference --params as_of=2013-09-01",
        "podium run --env prod --pipelines training --root uc://main --files /Volumes/main/podium/files",
    ),
)
@env_option
@click.option("--root", metavar="PLACE", help="Location of the environment's tables, for this run.")
@click.option("--files", metavar="PLACE", help="Location of its landed sources and reports, for this run.")
@click.option("--mlflow", metavar="URI", help="Address of its MLflow, for this run.")
def run(env: str, root: str | None, files: str | None, mlflow: str | None, **options: Any) -> None:
    """Run all pipelines, or those that --pipelines names.

    This is Kedro's run with all its options. It also works from the installed wheel in any folder: data are kept in the
    folder's data/, and the configuration is the wheel's, unless the folder has its own conf/.
    """
    from kedro.framework.project import configure_project

    from .project import open_project

    given = {name: place for name, place in zip(PLACES, (root, files, mlflow), strict=True) if place}
    for name, place in given.items():
        os.environ[f"PODIUM_{env.upper()}_{name.upper()}"] = place
    with _importing():
        project = open_project(env, options["conf_source"])
        _refuse_unheard(project.section("globals"), given, env)
        configure_project("podium")
    with _plainly():
        _kedro_run().callback(env=env, **options)  # type: ignore[misc]


def _refuse_unheard(globals_: Mapping[str, Any], given: Mapping[str, str], env: str) -> None:
    for name, place in given.items():
        if globals_.get(name) != place:
            raise click.BadParameter(
                f"conf/{env}/globals.yml ignores this option. There, make {name} read the environment variable "
                f"PODIUM_{env.upper()}_{name.upper()}, as conf/prod/globals.yml does with its own.",
                param_hint=f"'--{name}'",
            )


@contextmanager
def _importing() -> Iterator[None]:
    """Pause garbage collection during imports: it takes a fifth of their time, and finds hardly anything to free."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


@contextmanager
def _plainly() -> Iterator[None]:
    """Turn errors of Kedro and its configuration into PodiumErrors, which are shown without a stack trace."""
    from kedro.config import MissingConfigException
    from kedro.framework.cli.utils import KedroCliError
    from kedro.io import DatasetError
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    from podium.errors import PodiumError

    try:
        yield
    except PodiumError:
        raise
    except KedroCliError as wrong:
        raise PodiumError(wrong.message) from wrong
    except (DatasetError, MissingConfigException, OmegaConfBaseException, YAMLError) as wrong:
        raise PodiumError(str(wrong)) from wrong
