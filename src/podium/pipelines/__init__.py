"""The seven stages of a model's life. Each is a function from a problem to a pipeline."""

from collections.abc import Callable

from kedro.pipeline import Pipeline

from podium.pipelines import feature_engineering
from podium.problems.base import Problem

__all__ = ["STAGES"]

STAGES: dict[str, Callable[[Problem], Pipeline]] = {
    "feature_engineering": feature_engineering.create_pipeline,
}
