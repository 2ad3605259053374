"""Measure prod on local Spark, without a cluster: a year's features, and a model's whole life.

    python benchmarks/prod.py            # features and life
    python benchmarks/prod.py features   # one: features, life

Each run is a separate command with its start-up, as a scheduler starts it. The limits are for two cores, and MASTER
gives the driver two cores on a larger machine as well.
"""

import sys
import tempfile
from pathlib import Path

from _memory import Taken, measured, variables
from _report import Figures, note, report

PROJECT = Path(__file__).parents[1]
MASTER = "local[2]"
TRAINED, UNTIL = "2013-08-01", "2014-01-03"
# Make and deploy the model as of TRAINED, then use it until UNTIL.
LIFE = (
    ("feature_engineering", TRAINED),
    ("training", TRAINED),
    ("evaluation", TRAINED),
    ("deployment", TRAINED),
    ("feature_engineering", UNTIL),
    ("inference", UNTIL),
    ("monitoring", UNTIL),
)
FIGURES = Figures()


@FIGURES.add
def features() -> None:
    """The feature tables over the full year from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        taken = kedro_run("feature_engineering", UNTIL, Path(folder))
    report("prod: feature_engineering, full year from nothing, with start-up", taken.seconds, "s", 300)
    report("prod: feature_engineering, peak memory of all processes", taken.tree, "GiB", 6)


@FIGURES.add
def life() -> None:
    """Features, training, evaluation, deployment, five more months of features, inference, monitoring."""
    took = []
    with tempfile.TemporaryDirectory() as folder:
        for pipeline, as_of in LIFE:
            took.append(kedro_run(pipeline, as_of, Path(folder)))
            note(f"prod: {pipeline}, as of {as_of}", took[-1].seconds, "s")
            note(f"prod: {pipeline}, peak memory", took[-1].tree, "GiB")
    report("prod: the whole life", sum(each.seconds for each in took) / 60, "min", 12)
    report("prod: the whole life, peak memory of all processes", max(each.tree for each in took), "GiB", 6)


def kedro_run(pipeline: str, as_of: str, folder: Path) -> Taken:
    """Run one pipeline in prod, without a cluster."""
    command = [sys.executable, "-m", "kedro", "run", "--env", "prod", "--pipelines", pipeline]
    command += ["--params", f"as_of={as_of}"]
    return measured(command, log=folder / "log", env=variables(folder, MASTER), folder=PROJECT)


if __name__ == "__main__":
    FIGURES.run(__doc__)
