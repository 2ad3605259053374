"""Ingestion: source files -> bronze. The pipelines eda and feature_engineering share these nodes."""

from kedro.pipeline import Node, Pipeline

from podium.pipelines.stage import fixed, stage
from podium.problems.base import Problem

from . import nodes


def create_pipeline(problem: Problem) -> Pipeline:
    """Source files -> bronze tables, the quarantine table, the intake record."""
    names = [event.name for event in problem.events]
    judged = [f"judged_{name}" for name in names]
    table = [
        Node(
            func=fixed(nodes.open_source, types={"parameters": problem.event_parameters}, problem=problem),
            inputs=["landing", "params:source", "params:knowable", "params:ingestion", "seen_quarantine_intake"],
            outputs="opened_source",
            name="open_source",
        ),
        *[
            Node(
                func=fixed(nodes.judge_event, event=event),
                inputs=["opened_source", "landing"],
                outputs=f"judged_{event.name}",
                name=f"judge_{event.name}",
            )
            for event in problem.events
        ],
        Node(
            func=fixed(nodes.quarantine, problem=problem),
            inputs=["opened_source", *judged],
            outputs="quarantine_rows",
            name="quarantine",
        ),
        Node(
            func=fixed(nodes.count, problem=problem),
            inputs=["opened_source", "params:ingestion", "quarantine_rows", *judged],
            outputs="intake_counts",
            name="count",
        ),
        *[
            Node(
                func=fixed(nodes.keep, event=event),
                inputs=[f"judged_{event.name}", "intake_counts"],
                outputs=f"bronze_{event.name}",
                name=f"keep_{event.name}",
            )
            for event in problem.events
        ],
        Node(
            func=nodes.record,
            inputs=["intake_counts", *[f"bronze_{name}" for name in names]],
            outputs="quarantine_intake",
            name="record",
        ),
    ]
    return stage(problem, "ingestion", table)


def create_clock(problem: Problem) -> Pipeline:
    """The node that resolves ``as_of``, the time of a run."""
    node = Node(
        func=fixed(nodes.resolve_as_of, problem=problem),
        inputs=["params:as_of", "quarantine_intake"],
        outputs="as_of",
        name="resolve_as_of",
    )
    return stage(problem, "clock", [node])
