"""Ingestion: sources -> bronze. The pipelines eda and feature_engineering share these nodes."""

from kedro.pipeline import Pipeline

from podium.domains.base import Domain
from podium.pipelines.stage import node, stage

from . import clock, nodes


def create_pipeline(domain: Domain) -> Pipeline:
    """Return the pipeline from sources to bronze tables, the quarantine tables and the records of the intake."""
    names = [event.name for event in domain.events]
    judged = [f"judged_{name}" for name in names]
    settled = [f"settled_{name}" for name in names]
    state = ["seen_quarantine_intake", "seen_quarantine_marks"]
    sources = [f"source_{source.name}" for source in domain.sources]
    table = [
        node(
            nodes.open_sources,
            inputs=["landing", "params:knowable", "params:ingestion", *state, *sources],
            outputs="opened_sources",
            types={"parameters": domain.event_parameters},
            domain=domain,
        ),
        *[
            node(
                nodes.judge_event,
                inputs=["opened_sources", "landing", "params:ingestion"],
                outputs=f"judged_{event.name}",
                event=event,
                name=f"judge_{event.name}",
            )
            for event in domain.events
        ],
        node(nodes.quarantine, inputs=["opened_sources", *judged], outputs="quarantine_rows", domain=domain),
        node(nodes.recent_since, inputs=["params:ingestion", *judged], outputs="recent_since", domain=domain),
        *[
            node(
                nodes.settle_event,
                inputs=[
                    "opened_sources",
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
            inputs=["opened_sources", "params:ingestion", "recent_since", "quarantine_rows", *judged, *settled],
            outputs="counted_rows",
            domain=domain,
        ),
        node(nodes.begin, inputs="counted_rows", outputs=["begun_intake", "intake_counts"]),
        *[
            node(
                nodes.keep,
                inputs=[
                    f"settled_{event.name}",
                    "opened_sources",
                    "intake_counts",
                    f"settled_repeats_{event.name}",
                ],
                outputs=f"bronze_{event.name}",
                event=event,
                name=f"keep_{event.name}",
            )
            for event in domain.events
        ],
        *[
            node(
                nodes.keep_repeats,
                inputs=[f"settled_{event.name}", "opened_sources", "intake_counts"],
                outputs=[f"quarantine_repeats_{event.name}", f"settled_repeats_{event.name}"],
                event=event,
                name=f"keep_repeats_{event.name}",
            )
            for event in domain.events
        ],
        node(
            nodes.mark,
            inputs=["opened_sources", *[f"bronze_{name}" for name in names]],
            outputs="quarantine_marks",
        ),
        node(nodes.record, inputs=["intake_counts", "begun_intake", "quarantine_marks"], outputs="quarantine_intake"),
    ]
    return stage(domain.name, "ingestion", table)


def create_clock(domain: Domain) -> Pipeline:
    """Return the pipeline of the one node that resolves ``as_of``, the time of a run."""
    resolve = node(clock.resolve_as_of, inputs=["params:as_of", "quarantine_intake"], outputs="as_of", domain=domain)
    return stage(domain.name, "clock", [resolve])
