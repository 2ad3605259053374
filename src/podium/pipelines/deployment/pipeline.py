"""Deployment: candidate -> challenger, and champion if every check passes."""

from kedro.pipeline import Node, Pipeline

from podium.pipelines.stage import fixed, stage
from podium.problems.base import Problem

from . import nodes


def create_pipeline(problem: Problem) -> Pipeline:
    """Decide on the evidence. The champion dataset carries the decision out when it saves it."""
    table = [
        Node(
            func=fixed(nodes.decide, problem=problem),
            inputs=["candidate", "evidence", "seen_champion"],
            outputs="champion",
            name="decide",
        ),
    ]
    return stage(problem, "deployment", table)
