"""The seven stages of a model's life. The package of each one has ``create_pipeline``, from a problem to a pipeline."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

    from podium.problems.base import Problem

__all__ = ["STAGES", "create_pipeline"]

# In the order in which they run. The first five make a champion; the other two use it.
STAGES = ("eda", "feature_engineering", "training", "evaluation", "deployment", "inference", "monitoring")


def create_pipeline(stage: str, problem: Problem) -> Pipeline:
    """Make a stage's pipeline for a problem."""
    # Imported here, because the command line only needs the names, and importing the stages takes seconds.
    pipeline: Pipeline = import_module(f"{__name__}.{stage}").create_pipeline(problem)
    return pipeline
