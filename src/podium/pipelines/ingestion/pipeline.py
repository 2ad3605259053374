"""Ingestion: source files -> bronze. The pipelines eda and feature_engineering share these nodes."""

from kedro.pipeline import Pipeline

from podium.domains.base import Domain
from podium.pipelines.stage import node, stage

from . import nodes


def create_pipeline(domain: Domain) -> Pipeline:
    """Return the pipeline from source files to bronze tables, the quarantine table and the intake record."""
    names = [event.name for event in domain.events]
    judged = [f"judged_{name}" for name in names]
    settled = [f"settled_{name}" for name in names]
    table = [
        node(
            nodes.open_source,
            inputs=["landing", "params:source", "params:knowable", "params:ingestion", "seen_quarantine_intake"],
            outputs="opened_source",
            types={"parameters": domain.event_parameters},
            domain=domain,
        ),
        *[
            node(
                nodes.judge_event,
                inputs=["opened_source", "landing"],
                outputs=f"judged_{event.name}",
                event=event,
                name=f"judge_{event.name}",
            )
            for event in domain.events
        ],
        node(nodes.quarantine, inputs=["opened_source", *judged], outputs="quarantine_rows", domain=domain),
        node(nodes.recent_since, inputs=["params:ingestion", *judged], outputs="recent_since", domain=domain),
        *[
            node(
                nodes.settle_event,
                inputs=[
                    "opened_source",
                    "landing",
                    "recent_since",
                    f"judged_{event.name}",
                    f"seen_bronze_{event.name}",
                    f"seen_quarantine_repeats_{event.name}",
                ],
                outputs=f"settled_{event.name}",
                event=event,
                name=f"settle_{event.name}",
            )
            for event in domain.events
        ],
        node(
            nodes.count,
            inputs=["opened_source", "params:ingestion", "recent_since", "quarantine_rows", *judged, *settled],
            outputs="intake_counts",
            domain=domain,
        ),
        *[
            node(
                nodes.keep,
                inputs=[f"settled_{event.name}", "opened_source", "intake_counts"],
                outputs=f"bronze_{event.name}",
                event=event,
                name=f"keep_{event.name}",
            )
            for event in domain.events
        ],
        *[
            node(
                nodes.keep_repeats,
                inputs=[f"settled_{event.name}", "intake_counts"],
                outputs=f"quarantine_repeats_{event.name}",
                event=event,
                name=f"keep_repeats_{event.name}",
            )
            for event in domain.events
        ],
        node(
            nodes.record, inputs=["intake_counts", *[f"bronze_{name}" for name in names]], outputs="quarantine_intake"
        ),
    ]
    return stage(domain.name, "ingestion", table)


def create_clock(domain: Domain) -> Pipeline:
    """Return the pipeline of the one node that resolves ``as_of``, the time of a run."""
    clock = node(nodes.resolve_as_of, inputs=["params:as_of", "quarantine_intake"], outputs="as_of", domain=domain)
    return stage(domain.name, "clock", [clock])
