"""The seven stages of a model's life cycle. Each stage's package has ``create_pipeline``, which takes a problem."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

    from podium.problems.base import Problem

__all__ = ["STAGES", "create_pipeline"]

# The stages in the order in which they run. The first five produce a champion, the other two use it.
STAGES = ("eda", "feature_engineering", "training", "evaluation", "deployment", "inference", "monitoring")


def create_pipeline(stage: str, problem: Problem) -> Pipeline:
    """Return the pipeline of a stage for a problem."""
    # Import the stage here, not at the top: importing all stages takes seconds, and the command line needs only the
    # names of the stages.
    pipeline: Pipeline = import_module(f"{__name__}.{stage}").create_pipeline(problem)
    return pipeline
