"""A quick life cycle of a model: its stages, parameters, and the resulting contents of the tables.

``python -m tests.pipelines.life DATA SOURCE`` runs it in a separate process, which a test may kill.
"""

import os
import sys
from pathlib import Path

import pandas as pd
from deltalake import DeltaTable

from tests.conftest import Project

AS_OF, LATER = "2013-03-25", "2013-04-20"
QUICK = {
    "flight_delay__training__algorithms__lightgbm__trials": 1,
    "flight_delay__training__algorithms__lightgbm__rounds": 60,
    "flight_delay__training__algorithms__logistic_regression__trials": 1,
    "flight_delay__training__holdout_days": 21,
    "flight_delay__training__validation_days": 14,
    "flight_delay__evaluation__holdout_days": 21,
    "flight_delay__evaluation__resamples": 100,
    "flight_delay__evaluation__slice_min_rows": 500,
    "flight_delay__evaluation__thresholds__min_auc": 0.55,
    "flight_delay__evaluation__thresholds__min_slice_auc": 0.5,
    "flight_delay__evaluation__thresholds__min_rows": 200,
    "flight_delay__evaluation__thresholds__max_calibration_error": 0.3,
}
FIRST = ("eda", "feature_engineering", "training", "evaluation", "deployment")
THEN = ("feature_engineering", "inference", "monitoring")
# Columns with the time of writing, which differ between runs.
WALL_CLOCK = ["scored_at"]


def live(project: Project) -> None:
    """Run every stage in order."""
    begin(project)
    go_on(project)


def begin(project: Project) -> None:
    """Train a model and deploy it as the champion."""
    for stage in FIRST:
        project.run(stage, as_of=AS_OF, **QUICK)


def go_on(project: Project) -> None:
    """Score and monitor some weeks later."""
    for stage in THEN:
        project.run(stage, as_of=LATER, **QUICK)


def contents(project: Project) -> dict[str, pd.DataFrame]:
    """The rows of every table, read by delta-rs and sorted, without columns of wall-clock time."""
    found = {}
    for log in sorted(project.root.glob("*/*/*/_delta_log")):
        frame = DeltaTable(str(log.parent)).to_pandas().drop(columns=WALL_CLOCK, errors="ignore")
        found[str(log.parent.relative_to(project.root))] = frame.sort_values(list(frame.columns), ignore_index=True)
    return found


if __name__ == "__main__":
    data, source = map(Path, sys.argv[1:])
    os.environ["PODIUM_DATA"] = str(data)
    live(Project(data, source))
