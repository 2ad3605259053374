"""Feature engineering: bronze tables -> feature tables, as of a given time."""

from kedro.pipeline import Pipeline

from podium.domains.base import Domain
from podium.pipelines import ingestion
from podium.pipelines.stage import node, stage

from . import nodes


def create_pipeline(domain: Domain) -> Pipeline:
    """Return the pipeline that ingests the sources, then refreshes each feature table in its own node."""
    table = [
        node(
            nodes.plan,
            inputs=["as_of", "params:features", "quarantine_intake", "seen_features_refreshes"],
            outputs="due_tables",
            domain=domain,
        ),
        node(
            nodes.withdraw,
            inputs=["due_tables", "seen_features_refreshes"],
            outputs=["withdrawn_refreshes", "feature_plans"],
        ),
        *[
            node(
                nodes.refresh,
                inputs=["feature_plans", *[f"bronze_{event}" for event in each.reads]],
                outputs=f"features_{each.name}",
                table=each,
                domain=domain,
                name=f"refresh_{each.name}",
            )
            for each in domain.tables
        ],
        node(
            nodes.record,
            inputs=["feature_plans", *[f"features_{each.name}" for each in domain.tables]],
            outputs="features_refreshes",
        ),
    ]
    return (
        ingestion.create_pipeline(domain)
        + ingestion.create_clock(domain)
        + stage(domain.name, "feature_engineering", table)
    )
