"""The monitoring pipeline: prediction log and known labels -> drift, performance, alerts, two HTML reports."""

from kedro.pipeline import Node, Pipeline

from podium.pipelines import ingestion
from podium.pipelines.stage import fixed, stage
from podium.problems.base import Problem

from . import nodes


def create_pipeline(problem: Problem) -> Pipeline:
    """Return the pipeline that measures drift and performance, raises alerts and writes the reports."""
    parameters = "params:monitoring"
    labels = [f"bronze_{event}" for event in problem.label_reads]
    table = [
        Node(
            func=fixed(nodes.reference, problem=problem),
            inputs=["champion", "champion_examples", "params:inference", parameters],
            outputs="watched_reference",
            name="reference",
        ),
        Node(
            func=fixed(nodes.labels_known, problem=problem),
            inputs=["as_of", *labels],
            outputs="watched_labels",
            name="labels_known",
        ),
        Node(
            func=nodes.measure_drift,
            inputs=["predictions", "watched_reference", "as_of", parameters],
            outputs="monitoring_drift",
            name="measure_drift",
        ),
        Node(
            func=fixed(nodes.measure_performance, keys=problem.keys),
            inputs=["predictions", "watched_labels", "as_of", parameters],
            outputs="monitoring_performance",
            name="measure_performance",
        ),
        Node(
            func=nodes.raise_alerts,
            inputs=["monitoring_drift", "monitoring_performance", "watched_reference", "as_of", parameters],
            outputs="monitoring_alerts",
            name="raise_alerts",
        ),
        Node(
            func=fixed(nodes.write_page, title=problem.title),
            inputs={
                "predictions": "predictions",
                "drifts": "monitoring_drift",
                "performances": "monitoring_performance",
                "raised": "monitoring_alerts",
                "reference": "watched_reference",
                "as_of": "as_of",
                "parameters": parameters,
            },
            outputs="report_monitoring",
            name="write_page",
        ),
        Node(
            func=fixed(nodes.write_drift_report, keys=problem.keys),
            inputs=["predictions", "monitoring_drift", "watched_reference", "as_of", parameters],
            outputs="report_drift",
            name="write_drift_report",
        ),
    ]
    return ingestion.create_clock(problem) + stage(problem, "monitoring", table)
