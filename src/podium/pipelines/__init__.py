"""The seven stages of a model's life. Each is a function from a problem to a pipeline."""

from collections.abc import Callable

from kedro.pipeline import Pipeline

from podium.pipelines import deployment, eda, evaluation, feature_engineering, inference, monitoring, training
from podium.problems.base import Problem

__all__ = ["STAGES"]

STAGES: dict[str, Callable[[Problem], Pipeline]] = {
    "eda": eda.create_pipeline,
    "feature_engineering": feature_engineering.create_pipeline,
    "training": training.create_pipeline,
    "evaluation": evaluation.create_pipeline,
    "deployment": deployment.create_pipeline,
    "inference": inference.create_pipeline,
    "monitoring": monitoring.create_pipeline,
}
