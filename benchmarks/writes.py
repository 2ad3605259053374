"""Measure the overhead of DeltaDataset.save over the engine's own write of the same million rows.

    python benchmarks/writes.py         # sail and spark
    python benchmarks/writes.py sail    # one: sail, spark

Both write in each round, each to its own table, and rounds alternate their order; a first round is not counted. The
median difference of ten rounds may be 5% of the engine's own time, or 50 ms if that is more.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from _report import Figures
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.lakehouse import engine
from podium.lakehouse.table import DeltaDataset, Rows

PROJECT = Path(__file__).parents[1]
ROWS = 1_000_000
ROUNDS = 10
SHARE, LEAST = 0.05, 0.05
WINDOW = "at >= TIMESTAMP '2013-01-01 00:00:00'"
KEY = "number"
FIGURES = Figures()


@FIGURES.add
def sail() -> None:
    """On Sail, in dev: append, overwrite, replace a window, merge by key."""
    compare("dev", "sail")


@FIGURES.add
def spark() -> None:
    """On local Spark, in prod: append, overwrite, replace a window, merge by key."""
    compare("prod", "spark")


def compare(env: str, name: str) -> None:
    """Measure each mode with the dataset and with the engine alone, under the environment's access rules."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"PODIUM_DATA": folder, "PODIUM_SPARK_MASTER": "local[2]"}
        bootstrap_project(PROJECT)
        with KedroSession.create(project_path=PROJECT, env=env) as session:
            session.load_context()
        rows = source(f"{folder}/source")
        for mode, own in OWN.items():
            dataset = DeltaDataset(path=f"{folder}/{mode}-dataset", zone="bronze", mode=mode)
            saved = Rows(frame=rows, keys=(KEY,), window=WINDOW)
            table = f"{folder}/{mode}-own"
            DeltaDataset(path=table, zone="bronze", mode=mode).save(saved)
            differences, alone = rounds(lambda: dataset.save(saved), lambda: own(rows, table))  # noqa: B023 - used here
            verdict(f"{name}, {mode}", differences, alone)
        engine.stop()


def source(path: str) -> DataFrame:
    """A table of a million rows with typical column types, which both sides read."""
    numbers = engine.session().range(ROWS).withColumn("spread", F.xxhash64("id"))
    rows = numbers.select(
        F.col("id").alias(KEY),
        F.concat(F.lit("C"), F.pmod("spread", F.lit(97)).cast("string")).alias("carrier"),
        F.timestamp_seconds(F.lit(1356998400) + F.pmod("spread", F.lit(365 * 86_400))).alias("at"),
        *[F.pmod("spread", F.lit(size)).cast("int").alias(f"n{size}") for size in (24, 60, 300, 5000)],
        *[(F.pmod("spread", F.lit(size)) / 7).alias(f"x{size}") for size in (1009, 10_007)],
    )
    dataset = DeltaDataset(path=path, zone="bronze", mode="overwrite")
    dataset.save(rows)
    return dataset.load()


def append(rows: DataFrame, table: str) -> None:
    rows.write.format("delta").mode("append").save(table)


def overwrite(rows: DataFrame, table: str) -> None:
    rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(table)


def replace(rows: DataFrame, table: str) -> None:
    rows.write.format("delta").mode("overwrite").option("replaceWhere", WINDOW).save(table)


def merge(rows: DataFrame, table: str) -> None:
    engine.session().sql(
        f"MERGE INTO delta.`{table}` t USING {{rows}} s ON t.{KEY} <=> s.{KEY} "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        rows=rows,
    ).collect()


OWN = {each.__name__: each for each in (append, overwrite, replace, merge)}


def rounds(save: Callable[[], None], own: Callable[[], None]) -> tuple[list[float], list[float]]:
    """For each round: the seconds by which ``save`` took longer than ``own``, and the seconds of ``own``."""
    save(), own()
    differences, alone = [], []
    for number in range(ROUNDS):
        took = {work: seconds(work) for work in ((save, own) if number % 2 else (own, save))}
        differences.append(took[save] - took[own])
        alone.append(took[own])
    return differences, alone


def seconds(work: Callable[[], None]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def verdict(what: str, differences: list[float], alone: list[float]) -> None:
    """Print the overhead of the dataset in milliseconds and as a share of the engine's time."""
    added, needed = median(differences), median(alone)
    holds = added <= max(SHARE * needed, LEAST)
    print(
        f"{'ok  ' if holds else 'MISS'}  {what}, {ROWS:,} rows: {added * 1000:.0f} ms on {needed:.2f} s, "
        f"{added / needed:.1%} (at most {SHARE:.0%} or {LEAST * 1000:.0f} ms)",
        flush=True,
    )


if __name__ == "__main__":
    FIGURES.run(__doc__)
