"""The command ``podium``: what Kedro has no word for. Runs are Kedro's own: ``kedro run``, ``kedro viz``.

Kedro finds ``cli`` too, so that every command here is also one of ``kedro``. Modules import what is heavy inside their
functions: help must come at once.
"""

import click

from .access import access
from .cluster import cluster
from .demo import demo
from .lake import lake
from .model import model
from .status import status

__all__ = ["cli", "main"]

HELP = """One model's whole life on a lakehouse: explored, trained, checked, deployed, monitored.

Pipelines are run by Kedro: eda, feature_engineering, training, evaluation, deployment, inference, monitoring.

\b
  podium demo                             all of them, told as a story
  kedro run --pipelines training          one of them, as of the newest data
    --params as_of=2013-08-01             the same, as of that moment
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, help=HELP)
@click.version_option(package_name="podium", prog_name="podium")
def main() -> None:
    """The entry point: an error with a message ends in that message and exit code 1, wrong usage in 2."""


for command in (demo, status, lake, model, access, cluster):
    main.add_command(command)

# The same commands for Kedro, which would put the help of a group under its own.
cli = click.Group("podium", commands=main.commands)
