"""The evaluation pipeline: candidate, champion and held-out rows -> evidence and model card."""

from kedro.pipeline import Pipeline

from podium.pipelines import ingestion
from podium.pipelines.stage import node, stage
from podium.problems.base import Problem

from . import nodes


def create_pipeline(problem: Problem) -> Pipeline:
    """Return the pipeline that measures the candidate against baseline and champion, and writes its model card."""
    as_of = f"{problem.domain.name}.as_of"
    compared = ["candidate", "seen_champion", "evaluated_rows", "params:evaluation"]
    table = [
        node(
            nodes.held_out,
            inputs=["training_sets_examples", "candidate", as_of, "params:evaluation"],
            outputs="evaluated_rows",
            problem=problem,
        ),
        node(nodes.measure, inputs=compared, outputs="evaluated_figures"),
        node(
            nodes.show,
            inputs=[*compared, "evaluated_figures"],
            outputs=["evidence", "report_model_card"],
            problem=problem,
        ),
    ]
    return ingestion.create_clock(problem.domain) + stage(problem.name, "evaluation", table)
