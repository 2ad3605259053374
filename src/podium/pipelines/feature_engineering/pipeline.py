"""Feature engineering: bronze tables -> feature tables, as of a given time."""

from kedro.pipeline import Node, Pipeline

from podium.pipelines import ingestion
from podium.pipelines.stage import fixed, stage
from podium.problems.base import Problem

from . import nodes


def create_pipeline(problem: Problem) -> Pipeline:
    """Ingestion, then one node for each feature table."""
    table = [
        Node(
            func=fixed(nodes.plan, problem=problem),
            inputs=["as_of", "params:features", "quarantine_intake", "seen_features_refreshes"],
            outputs="feature_plans",
            name="plan",
        ),
        *[
            Node(
                func=fixed(nodes.refresh, table=each),
                inputs=["feature_plans", *[f"bronze_{event}" for event in each.reads]],
                outputs=f"features_{each.name}",
                name=f"refresh_{each.name}",
            )
            for each in problem.tables
        ],
        Node(
            func=nodes.record,
            inputs=["feature_plans", *[f"features_{each.name}" for each in problem.tables]],
            outputs="features_refreshes",
            name="record",
        ),
    ]
    return (
        ingestion.create_pipeline(problem)
        + ingestion.create_clock(problem)
        + stage(problem, "feature_engineering", table)
    )
