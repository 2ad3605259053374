"""The project's pipelines: seven stages, each for every problem."""

from kedro.pipeline import Pipeline

from podium.pipelines import STAGES, create_pipeline
from podium.problems import PROBLEMS


def register_pipelines() -> dict[str, Pipeline]:
    """Every stage by its name, and ``__default__``, all of them."""
    stages = {
        stage: sum((create_pipeline(stage, problem) for problem in PROBLEMS.values()), Pipeline([])) for stage in STAGES
    }
    return stages | {"__default__": sum(stages.values(), Pipeline([]))}
