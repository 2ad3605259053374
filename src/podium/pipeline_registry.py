"""The project's pipelines: seven stages, each for every domain or for every problem."""

from collections.abc import Iterable

from kedro.pipeline import Pipeline

from podium.domains.base import Domain
from podium.pipelines import OF_DOMAINS, STAGES, create_pipeline
from podium.problems.base import Problem
from podium.registered import domains, problems


def register_pipelines() -> dict[str, Pipeline]:
    """One pipeline per stage, under the stage's name. ``__default__`` runs all stages."""
    stages = {}
    for stage in STAGES:
        subjects: Iterable[Domain | Problem] = domains().values() if stage in OF_DOMAINS else problems().values()
        stages[stage] = sum((create_pipeline(stage, subject) for subject in subjects), Pipeline([]))
    return stages | {"__default__": sum(stages.values(), Pipeline([]))}
