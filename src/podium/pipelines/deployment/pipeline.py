"""Deployment: candidate -> challenger, and champion if every check passes."""

from kedro.pipeline import Pipeline

from podium.pipelines.stage import node, stage
from podium.problems.base import Problem

from . import nodes


def create_pipeline(problem: Problem) -> Pipeline:
    """Return the pipeline that decides whether a candidate becomes champion. Saving the decision registers it."""
    table = [
        node(nodes.decide, inputs=["candidate", "evidence", "seen_champion"], outputs="champion", problem=problem),
    ]
    return stage(problem.name, "deployment", table)
