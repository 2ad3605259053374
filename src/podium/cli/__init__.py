"""The command ``podium``: what Kedro has no word for, and its run for those who have a wheel and no checkout.

Kedro finds ``cli`` too, so that every command here is also one of ``kedro``, but ``run``, its own. Modules import what
is heavy inside their functions: help must come at once.
"""

import atexit
import gc
import os
from typing import Any

import click

from podium import interrupts

from .access import access
from .cluster import cluster
from .demo import demo
from .failures import ending_plainly
from .jobs import jobs
from .lake import lake
from .model import model
from .run import run
from .status import status

__all__ = ["cli", "main"]

HELP = """One model's whole life on a lakehouse: explored, trained, checked, deployed, monitored.

The pipelines: eda, feature_engineering, training, evaluation, deployment, inference, monitoring.

\b
  podium demo                             all of them, told as a story
  podium run --pipelines training         one of them, as of the newest data
    --params as_of=2013-08-01             the same, as of that moment
"""


class Podium(click.Group):
    """The command, also as the entry point of a Databricks task."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run it. On Databricks, where a process that exits is a task that failed, errors are raised."""
        if "DATABRICKS_RUNTIME_VERSION" in os.environ:
            return super().main(*args, **{"standalone_mode": False, **extra})
        if not args and "args" not in extra:  # called by the entry point, so the process is this command's own
            interrupts.listen()
        with ending_plainly():
            return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run what was asked for, with the project's logging, whatever is imported first."""
        from podium.home import use_logging

        use_logging()
        # As the process ends everything goes, garbage or not: to look for it then took a second.
        atexit.register(gc.freeze)
        return super().invoke(ctx)


@click.group(cls=Podium, context_settings={"help_option_names": ["-h", "--help"]}, help=HELP)
@click.version_option(package_name="podium", prog_name="podium")
def main() -> None:
    """The entry point: an error with a message ends in that message and exit code 1, wrong usage in 2."""


for command in (demo, run, status, lake, model, access, cluster, jobs):
    main.add_command(command)

# For Kedro, which would put the help of a group under its own.
cli = click.Group("podium", commands={name: each for name, each in main.commands.items() if name != "run"})
