"""The command ``podium``: subcommands that Kedro lacks, and ``run``, which also works from a wheel without a checkout.

Kedro finds ``cli`` as a plugin, so ``kedro`` has all of these commands except ``run``, where it has its own. Modules
import heavy packages inside functions, so that help appears at once.
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
  podium demo                             all of them, with a summary of each
  podium run --pipelines training         one of them, as of the newest data
    --params as_of=2013-08-01             the same, as of that moment
"""


class Podium(click.Group):
    """The group of all commands, which is also the entry point of a Databricks task."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command. On Databricks, don't exit the process, because even exit code 0 fails the task there."""
        if "DATABRICKS_RUNTIME_VERSION" in os.environ:
            return super().main(*args, **{"standalone_mode": False, **extra})
        if not args and "args" not in extra:  # called by the entry point, which owns the process
            interrupts.listen()
        with ending_plainly():
            return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand, after setting up the project's logging before any library sets up its own."""
        from podium.home import use_logging

        use_logging()
        # Skip garbage collection at exit. It took one second, and the process frees its memory anyway.
        atexit.register(gc.freeze)
        return super().invoke(ctx)


@click.group(cls=Podium, context_settings={"help_option_names": ["-h", "--help"]}, help=HELP)
@click.version_option(package_name="podium", prog_name="podium")
def main() -> None:
    """Run ``podium``. The exit code is 1 for an error of Podium and 2 for wrong usage."""


for command in (demo, run, status, lake, model, access, cluster, jobs):
    main.add_command(command)

# The group for Kedro has no help text, because Kedro would append it to its own.
cli = click.Group("podium", commands={name: each for name, each in main.commands.items() if name != "run"})
