"""The training pipeline: from feature tables and labels to a training set, to trials, to a candidate."""

from kedro.pipeline import Pipeline

from podium.pipelines import ingestion
from podium.pipelines.stage import node, stage
from podium.problems.base import Problem

from . import nodes, training_set


def create_pipeline(problem: Problem) -> Pipeline:
    """Return the pipeline that builds the training set, runs the trials, and fits the candidate and its baseline."""
    domain, as_of = problem.domain.name, f"{problem.domain.name}.as_of"
    bronze = [f"{domain}.bronze_{event}" for event in training_set.events_read(problem)]
    tables = [f"{domain}.features_{name}" for name in problem.uses]
    table = [
        node(
            training_set.check_features,
            inputs=[as_of, f"{domain}.features_refreshes"],
            outputs="fitted_features",
            problem=problem,
        ),
        node(
            training_set.build_training_set,
            inputs=[as_of, "fitted_features", *bronze, *tables],
            outputs="training_sets_examples",
            problem=problem,
        ),
        node(
            nodes.training_rows,
            inputs=["training_sets_examples", as_of, "params:training"],
            outputs="fitted_rows",
            problem=problem,
        ),
        node(
            nodes.tune,
            inputs=["fitted_rows", as_of, "params:training"],
            outputs=["trials", "fitted_choice"],
            problem=problem,
        ),
        node(
            nodes.fit_candidate,
            inputs=["fitted_rows", "fitted_choice", "params:training"],
            outputs="fitted_model",
            problem=problem,
        ),
        node(nodes.fit_baseline, inputs=["fitted_rows", "params:training"], outputs="fitted_baseline", problem=problem),
        node(
            nodes.describe,
            inputs=[
                *("fitted_rows", "fitted_model", "fitted_baseline", "fitted_choice", "fitted_features"),
                *(as_of, "params:training"),
            ],
            outputs="candidate",
        ),
    ]
    return ingestion.create_clock(problem.domain) + stage(problem.name, "training", table)
