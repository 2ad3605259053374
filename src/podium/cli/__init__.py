"""The command ``podium``: subcommands that Kedro lacks, and ``run``, which also works from an installed wheel.

Kedro loads ``cli`` as a plugin, so every subcommand except ``run`` is also a subcommand of ``kedro``, which has a
``run`` of its own. Modules import heavy packages inside functions, so that ``--help`` is fast.
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
from .feed import feed
from .jobs import jobs
from .lake import lake
from .model import model
from .run import run
from .status import status

__all__ = ["cli", "main"]

HELP = """Take a model from raw data to monitoring, on a lakehouse: explore, train, check, deploy, monitor.

The pipelines: eda, feature_engineering, training, evaluation, deployment, inference, monitoring.

\b
  podium demo                             every pipeline, each with a summary
  podium run --pipelines training         one pipeline, as of the newest data
"""


class Podium(click.Group):
    """The click group of all subcommands. A Databricks task calls it as its entry point."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command. On Databricks, return instead of exiting: there, even an exit with code 0 fails the task."""
        if "DATABRICKS_RUNTIME_VERSION" in os.environ:
            return super().main(*args, **{"standalone_mode": False, **extra})
        # Install signal handlers only if main() was called without arguments, as the command line does. A caller that
        # passes arguments, such as a test, may have handlers of its own.
        if not args and "args" not in extra:
            interrupts.listen()
        with ending_plainly():
            return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Set up the project's logging before any library sets up its own, then run a subcommand."""
        from podium.home import use_logging

        use_logging()
        # Skip garbage collection at exit. It took one second, and the process frees its memory anyway.
        atexit.register(gc.freeze)
        return super().invoke(ctx)


@click.group(cls=Podium, context_settings={"help_option_names": ["-h", "--help"]}, help=HELP)
@click.version_option(package_name="podium", prog_name="podium")
def main() -> None:
    """Run ``podium``. The exit code is 1 if a command fails, and 2 if its options or arguments are wrong."""


for command in (demo, run, status, feed, lake, model, access, cluster, jobs):
    main.add_command(command)

# The group of commands that ``kedro`` loads. The group has no help text, because ``kedro --help`` would append that
# text to its own help.
cli = click.Group("podium", commands={name: each for name, each in main.commands.items() if name != "run"})
