"""The monitoring pipeline: prediction log and known labels -> drift, performance, alerts, two HTML reports."""

from kedro.pipeline import Pipeline

from podium.pipelines import ingestion
from podium.pipelines.stage import node, stage
from podium.problems.base import Problem

from . import nodes


def create_pipeline(problem: Problem) -> Pipeline:
    """Return the pipeline that measures drift and performance, raises alerts and writes the reports."""
    parameters, as_of = "params:monitoring", f"{problem.domain.name}.as_of"
    labels = [f"{problem.domain.name}.bronze_{event}" for event in problem.label_reads]
    table = [
        node(
            nodes.reference,
            inputs=["champion", "champion_examples", "params:inference", parameters],
            outputs="watched_reference",
            problem=problem,
        ),
        node(nodes.labels_known, inputs=[as_of, *labels], outputs="watched_labels", problem=problem),
        node(
            nodes.measure_drift,
            inputs=["predictions", "watched_reference", as_of, parameters],
            outputs="monitoring_drift",
        ),
        node(
            nodes.measure_performance,
            inputs=["predictions", "watched_labels", as_of, parameters],
            outputs="monitoring_performance",
            keys=problem.keys,
        ),
        node(
            nodes.raise_alerts,
            inputs=["monitoring_drift", "monitoring_performance", "watched_reference", as_of, parameters],
            outputs="monitoring_alerts",
        ),
        node(
            nodes.write_page,
            inputs={
                "predictions": "predictions",
                "drifts": "monitoring_drift",
                "performances": "monitoring_performance",
                "raised": "monitoring_alerts",
                "reference": "watched_reference",
                "as_of": as_of,
                "parameters": parameters,
            },
            outputs="report_monitoring",
            title=problem.title,
        ),
        node(
            nodes.write_drift_report,
            inputs=["predictions", "monitoring_drift", "watched_reference", as_of, parameters],
            outputs="report_drift",
            keys=problem.keys,
        ),
    ]
    return ingestion.create_clock(problem.domain) + stage(problem.name, "monitoring", table)
