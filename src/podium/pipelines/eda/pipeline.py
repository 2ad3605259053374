"""The exploration pipeline: bronze tables -> profile, pictures, HTML page."""

from kedro.pipeline import Node, Pipeline

from podium.pipelines import ingestion
from podium.pipelines.stage import fixed, stage
from podium.problems.base import Problem

from . import nodes


def create_pipeline(problem: Problem) -> Pipeline:
    """Return the pipeline that ingests the sources, then profiles and draws the bronze tables."""
    bronze = [f"bronze_{event.name}" for event in problem.events]
    table = [
        Node(
            func=fixed(nodes.profile, problem=problem),
            inputs=["as_of", *bronze],
            outputs=["drawn_profile", "eda_profile"],
            name="profile",
        ),
        Node(
            func=fixed(nodes.draw, problem=problem),
            inputs=["as_of", *bronze],
            outputs="drawn_pictures",
            name="draw",
        ),
        Node(
            func=fixed(nodes.page, problem=problem),
            inputs=["as_of", "drawn_profile", "drawn_pictures"],
            outputs="report_eda",
            name="page",
        ),
    ]
    return ingestion.create_pipeline(problem) + ingestion.create_clock(problem) + stage(problem, "eda", table)
