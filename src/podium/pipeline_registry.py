"""The project's pipelines: seven stages, each for every problem."""

from kedro.pipeline import Pipeline

from podium.pipelines import STAGES
from podium.problems import PROBLEMS


def register_pipelines() -> dict[str, Pipeline]:
    """Every stage by its name, and ``__default__``, all of them."""
    stages = {
        name: sum((create(problem) for problem in PROBLEMS.values()), Pipeline([])) for name, create in STAGES.items()
    }
    return stages | {"__default__": sum(stages.values(), Pipeline([]))}
