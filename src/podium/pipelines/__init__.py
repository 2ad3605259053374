"""The seven stages of a model's life cycle. Some run once for each domain, the others once for each problem."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

    from podium.domains.base import Domain
    from podium.problems.base import Problem

__all__ = ["OF_DOMAINS", "STAGES", "create_pipeline"]

# The stages in the order in which they run. The first five produce a champion, the other two use it.
STAGES = ("eda", "feature_engineering", "training", "evaluation", "deployment", "inference", "monitoring")
# These stages run for each domain, so that problems share their tables. The others run for each problem.
OF_DOMAINS = ("eda", "feature_engineering")


def create_pipeline(stage: str, subject: Domain | Problem) -> Pipeline:
    """Return the pipeline of a stage for a domain, if the stage is one of ``OF_DOMAINS``, or else for a problem."""
    # Import the stage here, not at the top: importing all stages takes seconds, and the command line needs only the
    # names of the stages.
    pipeline: Pipeline = import_module(f"{__name__}.{stage}").create_pipeline(subject)
    return pipeline
