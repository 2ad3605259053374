"""Inference: requests -> the prediction log."""

from kedro.pipeline import Pipeline

from podium.pipelines import ingestion
from podium.pipelines.stage import node, stage
from podium.problems.base import Problem

from . import nodes


def create_pipeline(problem: Problem) -> Pipeline:
    """Return the pipeline in which the champion scores every request that it has not scored yet."""
    domain, as_of = problem.domain.name, f"{problem.domain.name}.as_of"
    reads = [f"{domain}.bronze_{event}" for event in problem.request_reads]
    tables = [f"{domain}.features_{name}" for name in problem.uses]
    state = ["seen_predictions_log", "seen_predictions_marks"]
    state += [f"{domain}.features_refreshes", f"{domain}.quarantine_intake"]
    table = [
        node(
            nodes.score,
            inputs=[as_of, "params:inference", "champion", "lazy_champion_examples", *state, *reads, *tables],
            outputs=["predictions", "predictions_marks"],
            problem=problem,
        ),
    ]
    return ingestion.create_clock(problem.domain) + stage(problem.name, "inference", table)
