"""The project's pipelines: seven stages, each for every problem."""

from kedro.pipeline import Pipeline

from podium.pipelines import STAGES, create_pipeline
from podium.problems import PROBLEMS


def register_pipelines() -> dict[str, Pipeline]:
    """One pipeline per stage, under the stage's name. ``__default__`` runs all stages."""
    stages = {
        stage: sum((create_pipeline(stage, problem) for problem in PROBLEMS.values()), Pipeline([])) for stage in STAGES
    }
    return stages | {"__default__": sum(stages.values(), Pipeline([]))}
