"""Measure the time that recording lineage adds to a run (docs/how-to/lineage.md quotes the figures).

    python benchmarks/lineage.py

The stages run once on the real data in a folder of their own. Then each stage runs seven more times, warm, and the time
inside the lineage hooks is added up, including their calls to MLflow and the sending of events. Times are wall clock,
medians; run it on a quiet machine.
"""

import os
import tempfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from podium.lineage import recorder

PROJECT = Path(__file__).parents[1]
STAGES = ("feature_engineering", "training", "inference")
AS_OF = "2013-06-01"
TIMES = 7
QUICK = {
    "algorithms": {
        "lightgbm": {"trials": 1, "rounds": 60},
        "logistic_regression": {"trials": 1},
    }
}


class Clock:
    """Adds up the time inside the recorder."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def watch(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a hook so that its time is counted."""

        @wraps(hook)
        def counted(*given: Any, **named: Any) -> Any:
            began = perf_counter()
            try:
                return hook(*given, **named)
            finally:
                self.seconds += perf_counter() - began

        return counted


def main() -> None:
    clock = Clock()
    for name, hook in list(vars(recorder.LineageHooks).items()):
        if hasattr(hook, "kedro_impl"):
            setattr(recorder.LineageHooks, name, clock.watch(hook))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PODIUM_DATA"] = folder
        from kedro.framework.session import KedroServiceSession
        from kedro.framework.startup import bootstrap_project

        bootstrap_project(PROJECT)
        session = KedroServiceSession.create(project_path=PROJECT, env="dev")
        given = {"as_of": AS_OF, "flight_delay": {"training": QUICK}}
        for stage in (*STAGES[:2], "evaluation", "deployment", STAGES[2]):
            session.run(pipeline_names=[stage], runtime_params=given)
        for stage in STAGES:
            whole, inside = [], []
            for _ in range(TIMES):
                clock.seconds, began = 0.0, perf_counter()
                session.run(pipeline_names=[stage], runtime_params=given)
                whole.append(perf_counter() - began)
                inside.append(clock.seconds)
            print(f"{stage:20} {median(whole):6.2f} s, of that lineage {median(inside) * 1000:5.1f} ms", flush=True)


if __name__ == "__main__":
    main()
