"""The exploration pipeline: bronze tables -> profile, pictures, HTML page."""

from kedro.pipeline import Pipeline

from podium.pipelines import ingestion
from podium.pipelines.stage import node, stage
from podium.problems.base import Problem

from . import nodes


def create_pipeline(problem: Problem) -> Pipeline:
    """Return the pipeline that ingests the sources, then profiles and draws the bronze tables."""
    bronze = [f"bronze_{event.name}" for event in problem.events]
    table = [
        node(nodes.profile, inputs=["as_of", *bronze], outputs=["drawn_profile", "eda_profile"], problem=problem),
        node(nodes.draw, inputs=["as_of", *bronze], outputs="drawn_pictures", problem=problem),
        node(nodes.page, inputs=["as_of", "drawn_profile", "drawn_pictures"], outputs="report_eda", problem=problem),
    ]
    return ingestion.create_pipeline(problem) + ingestion.create_clock(problem) + stage(problem, "eda", table)
