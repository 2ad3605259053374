"""The evaluation pipeline: candidate, champion and held-out rows -> evidence and model card."""

from kedro.pipeline import Node, Pipeline

from podium.pipelines import ingestion
from podium.pipelines.stage import fixed, stage
from podium.problems.base import Problem

from . import nodes


def create_pipeline(problem: Problem) -> Pipeline:
    """Return the pipeline that measures the candidate against baseline and champion, and writes its model card."""
    compared = ["candidate", "seen_champion", "evaluated_rows", "params:evaluation"]
    table = [
        Node(
            func=fixed(nodes.held_out, problem=problem),
            inputs=["training_sets_examples", "candidate", "as_of", "params:evaluation"],
            outputs="evaluated_rows",
            name="held_out",
        ),
        Node(func=nodes.measure, inputs=compared, outputs="evaluated_figures", name="measure"),
        Node(
            func=fixed(nodes.show, problem=problem),
            inputs=[*compared, "evaluated_figures"],
            outputs=["evidence", "report_model_card"],
            name="show",
        ),
    ]
    return ingestion.create_clock(problem) + stage(problem, "evaluation", table)
