"""Measure rejected designs beside the chosen ones (docs/decisions.md quotes the figures).

    python benchmarks/alternatives.py          # both
    python benchmarks/alternatives.py join     # one: write, join

Times are wall clock, medians of three; run it on a quiet machine. The measurements use their own data folder, which is
removed afterwards.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

from deltalake import DeltaTable
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from podium.features.point_in_time import latest_known
from podium.lakehouse.table import DeltaDataset, Mode, Rows
from podium.problems.flight_delay import PROBLEM

PROJECT = Path(__file__).parents[1]
LARGEST = next(table for table in PROBLEM.tables if table.name == "destination_departures")
KEYS = (*LARGEST.entity, "feature_time")
# The same table declared without its grid, so that the join uses the running maximum.
ANYWHERE = replace(LARGEST, grid=None)


@contextmanager
def lake() -> Iterator[Path]:
    """The domain's tables as of 2014-01-03, in a folder of their own."""
    from kedro.framework.session import KedroServiceSession
    from kedro.framework.startup import bootstrap_project

    with tempfile.TemporaryDirectory() as folder:
        os.environ["PODIUM_DATA"] = folder
        bootstrap_project(PROJECT)
        session = KedroServiceSession.create(project_path=PROJECT, env="dev")
        session.run(pipeline_names=["feature_engineering"], runtime_params={"as_of": "2014-01-03"})
        yield Path(folder) / "dev" / PROBLEM.domain.name


def timed(what: str, work: Callable[[], None], prepare: Callable[[], None] = lambda: None) -> None:
    """Run the work three times and print the median time."""
    took = []
    for _ in range(3):
        prepare()
        start = perf_counter()
        work()
        took.append(perf_counter() - start)
    print(f"{median(took):7.2f} s  {what}", flush=True)


def write(tables: Path) -> None:
    """Add one day to the largest feature table, by replacing a window or by merging by key."""
    path, before, copy, day = (str(tables / "features" / name) for name in (LARGEST.name, "before", "copy", "day"))
    source = DeltaDataset(path=path, zone="features").load()
    since, until = "TIMESTAMP '2013-12-30 00:00:00'", "TIMESTAMP '2013-12-31 00:00:00'"
    window = f"feature_time >= {since} AND feature_time < {until}"
    DeltaDataset(path=before, zone="features", mode="overwrite").save(source.filter(f"feature_time < {since}"))
    DeltaDataset(path=day, zone="features", mode="overwrite").save(source.filter(window))
    rows = DeltaDataset(path=day, zone="features").load()
    print(f"{DeltaTable(day).count():,} rows into {DeltaTable(before).count():,}")

    def fresh() -> None:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(before, copy)

    def save(mode: Mode) -> None:
        DeltaDataset(path=copy, zone="features").save(Rows(frame=rows, keys=KEYS, window=window, mode=mode))

    timed("replace the window of that day", lambda: save(Mode.REPLACE), fresh)
    timed("merge by key", lambda: save(Mode.MERGE), fresh)


def join(tables: Path) -> None:
    """The point-in-time join of every flight with the largest feature table, written to a table."""
    rows = DeltaDataset(path=str(tables / "features" / LARGEST.name), zone="features").load()
    timetable = DeltaDataset(path=str(tables / "bronze" / "timetable"), zone="bronze").load()
    requests = PROBLEM.requests({"timetable": timetable})
    target = DeltaDataset(path=str(tables / "joined"), zone="features", mode="overwrite")
    print(f"{DeltaTable(str(tables / 'bronze' / 'timetable')).count():,} flights, {rows.count():,} feature rows")
    timed(
        "newest moment by a running maximum, then the features by equality",
        lambda: target.save(latest_known(requests, ANYWHERE, rows, time="prediction_time")),
    )
    timed("last struct of features that is not null", lambda: target.save(last_struct(requests, rows)))


def last_struct(requests: DataFrame, rows: DataFrame) -> DataFrame:
    """The same join, with a window that carries all features along."""
    names = [feature.name for feature in LARGEST.features]
    asked = requests.select(*LARGEST.entity, F.col("prediction_time").alias("at")).distinct()
    known = rows.select(
        *LARGEST.entity, F.col("feature_time").alias("at"), F.struct("feature_time", *names).alias("held")
    )
    both = asked.withColumn("held", F.lit(None).cast(known.schema["held"].dataType)).unionByName(known)
    window = Window.partitionBy(*LARGEST.entity).orderBy("at")
    found = both.withColumn("newest", F.last("held", ignorenulls=True).over(window)).filter(F.col("held").isNull())
    age = F.unix_timestamp("at") - F.unix_timestamp("newest.feature_time")
    fresh = found.filter(age <= int(LARGEST.freshness.total_seconds()))
    return fresh.select(*LARGEST.entity, F.col("at").alias("prediction_time"), *[f"newest.{name}" for name in names])


ALTERNATIVES = {"write": write, "join": join}


def main() -> None:
    """Measure the alternatives that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("alternative", nargs="*", choices=[[], *ALTERNATIVES], help="which (default: both)")
    asked = parser.parse_args().alternative or list(ALTERNATIVES)
    with lake() as tables:
        for name in asked:
            print(f"# {name}: {ALTERNATIVES[name].__doc__}", flush=True)
            ALTERNATIVES[name](tables)


if __name__ == "__main__":
    main()
