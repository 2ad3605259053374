"""Training: feature tables and labels -> a training set -> trials -> a candidate."""

from kedro.pipeline import Node, Pipeline

from podium.pipelines import ingestion
from podium.pipelines.stage import fixed, stage
from podium.problems.base import Problem

from . import nodes, training_set


def create_pipeline(problem: Problem) -> Pipeline:
    """Build the training set, choose an algorithm, fit the candidate and its baseline."""
    bronze = [f"bronze_{event}" for event in training_set.events_read(problem)]
    tables = [f"features_{table.name}" for table in problem.tables]
    table = [
        Node(
            func=fixed(training_set.build_training_set, problem=problem),
            inputs=["as_of", "features_refreshes", *bronze, *tables],
            outputs="training_sets_examples",
            name="build_training_set",
        ),
        Node(
            func=fixed(nodes.training_rows, problem=problem),
            inputs=["training_sets_examples", "as_of", "params:training"],
            outputs="fitted_rows",
            name="training_rows",
        ),
        Node(
            func=fixed(nodes.tune, problem=problem),
            inputs=["fitted_rows", "as_of", "params:training"],
            outputs=["trials", "fitted_choice"],
            name="tune",
        ),
        Node(
            func=fixed(nodes.fit_candidate, problem=problem),
            inputs=["fitted_rows", "fitted_choice", "params:training"],
            outputs="fitted_model",
            name="fit_candidate",
        ),
        Node(
            func=fixed(nodes.fit_baseline, problem=problem),
            inputs=["fitted_rows", "params:training"],
            outputs="fitted_baseline",
            name="fit_baseline",
        ),
        Node(
            func=nodes.describe,
            inputs=["fitted_rows", "fitted_model", "fitted_baseline", "fitted_choice", "as_of", "params:training"],
            outputs="candidate",
            name="describe",
        ),
    ]
    return ingestion.create_clock(problem) + stage(problem, "training", table)
