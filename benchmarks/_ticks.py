"""Process the data of some hours, and time each hour. hour.py starts this script as a separate process.

    python benchmarks/_ticks.py ENV FOLDER FIRST HOURS OUT

FOLDER has the files of a feed in ``feed`` and its project data in ``data``. The files of an hour are handed over in
``live``, then one run takes them in, computes features and scores. OUT gets the seconds of each hour as JSON. If FIRST
is the beginning of the feed, the history is taken in first and a champion is trained on it.
"""

import json
import os
import re
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

PROJECT = Path(__file__).parents[1]
# A champion from two months of history is not what is measured, so it may be a weak one.
QUICK = {
    "training": {
        "algorithms": {"lightgbm": {"trials": 1}, "logistic_regression": {"trials": 1}},
        "holdout_days": 14,
        "validation_days": 10,
    },
    "evaluation": {
        "holdout_days": 14,
        "resamples": 100,
        "thresholds": {"min_auc": 0.55, "min_slice_auc": 0.5, "min_rows": 200, "max_calibration_error": 0.3},
    },
}
TIME = re.compile(r"\d{8}T\d{6}Z")
NAME = "%Y%m%dT%H%M%SZ"


def main(env: str, folder: str, first: str, hours: str, out: str) -> None:
    home = Path(folder)
    os.environ["PODIUM_DATA"] = str(home / "data")
    from kedro.framework.session import KedroServiceSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(PROJECT)
    session = KedroServiceSession.create(project_path=PROJECT, env=env)
    moment = datetime.fromisoformat(first)

    def run(*stages: str, **parameters: object) -> float:
        start = perf_counter()
        session.run(pipeline_names=list(stages), runtime_params={"as_of": f"{moment:%Y-%m-%dT%H:%M:%S}", **parameters})
        return perf_counter() - start

    live = home / "live"
    if not live.exists():
        stages = ("feature_engineering", "training", "evaluation", "deployment")
        run(*stages, flights={"source": str(home / "feed" / "history")}, flight_delay=QUICK)
        live.mkdir()
        hand_over(home / "feed", live, moment)
    seconds = []
    for _ in range(int(hours)):
        moment += timedelta(hours=1)
        hand_over(home / "feed", live, moment)
        source = {"source": str(live), "arrival": "live"}
        seconds.append(run("feature_engineering", "inference", flights=source))
        print(f"{moment:%Y-%m-%d %H:%M} {seconds[-1]:.2f} s", flush=True)
    Path(out).write_text(json.dumps(seconds))


def hand_over(feed: Path, live: Path, moment: datetime) -> None:
    """Copy the files that arrive at a moment."""
    for file in feed.glob(f"*-{moment.strftime(NAME)}.csv"):
        shutil.copy2(file, live)


if __name__ == "__main__":
    main(*sys.argv[1:])
