"""The exploration pipeline: bronze tables -> profile, pictures, HTML page."""

from kedro.pipeline import Pipeline

from podium.domains.base import Domain
from podium.pipelines import ingestion
from podium.pipelines.stage import node, stage

from . import nodes


def create_pipeline(domain: Domain) -> Pipeline:
    """Return the pipeline that ingests the sources, then profiles and draws the bronze tables."""
    bronze = [f"bronze_{event.name}" for event in domain.events]
    table = [
        node(nodes.profile, inputs=["as_of", *bronze], outputs=["drawn_profile", "eda_profile"], domain=domain),
        node(nodes.draw, inputs=["as_of", *bronze], outputs="drawn_pictures", domain=domain),
        node(nodes.page, inputs=["as_of", "drawn_profile", "drawn_pictures"], outputs="report_eda", domain=domain),
    ]
    return ingestion.create_pipeline(domain) + ingestion.create_clock(domain) + stage(domain.name, "eda", table)
