"""The feature tables of every registered domain keep their contract, and the checks catch those that do not.

They read the sources that the catalog of dev names. To check your own domain: make test ARGS=tests/domains
"""

import os
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from kedro.framework.session import KedroServiceSession
from kedro.framework.startup import bootstrap_project
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from podium.domains.base import Domain, Event, Feature, FeatureTable, Knowledge, Params
from podium.registered import domains
from tests.conftest import PROJECT

from .contract import World, violations

DOMAINS = domains()
TABLES = {f"{domain.name}.{table.name}": (domain.name, table) for domain in DOMAINS.values() for table in domain.tables}
# Only what became known in these days: enough for computations over weeks, and quick.
DAYS = 80


@pytest.fixture(scope="module")
def worlds(tmp_path_factory, spark) -> dict[str, World]:
    """The newest rows of every domain."""
    folder = tmp_path_factory.mktemp("domains")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODIUM_DATA", str(folder))
        bootstrap_project(PROJECT)
        KedroServiceSession.create(project_path=PROJECT, env="dev").run(
            pipeline_names=["eda"],
            to_outputs=[f"{name}.quarantine_intake" for name in DOMAINS],
            runtime_params={name: {"ingestion": {"recent_days": DAYS}} for name in DOMAINS},
        )
    return {
        name: World.of(
            domain, {event.name: rows(folder / "dev" / name / "bronze" / event.name) for event in domain.events}
        )
        for name, domain in DOMAINS.items()
    }


def rows(path: os.PathLike[str]) -> pa.Table:
    return pa.table(DeltaTable(str(path)).to_pyarrow_table())


@pytest.mark.parametrize("name", TABLES)
def test_a_feature_table_keeps_its_contract(worlds, name):
    domain, table = TABLES[name]

    assert [*violations(table, worlds[domain])] == []


@pytest.fixture(scope="module")
def readings(spark) -> World:
    """A small domain: readings at places, each known an hour after it was taken."""
    taken = pd.date_range("2024-01-01", periods=400, freq="37min", tz="UTC")
    frame = pd.DataFrame(
        {"number": range(400), "place": ["north", "south"] * 200, "value": [n % 23 for n in range(400)]}
    )
    known = taken + timedelta(hours=1)
    times = {"taken_at": taken, "available_at": known, "arrived_at": known, "known_at": known}
    event = Event(
        name="reading",
        sources=(),
        keys=("number",),
        contract=None,
        claims=lambda raw: None,
        build=lambda good, reference: None,
        schema="number int, place string, value int, taken_at timestamp, available_at timestamp",
    )
    domain = Domain(
        name="readings",
        title="",
        owner="",
        sources=(),
        events=(event,),
        lookups=(),
        reference=lambda small, parameters: {},
        event_parameters=Params,
        tables=(),
    )
    return World.of(domain, {"reading": pa.table(frame.assign(**times, version=1))})


def of(compute) -> FeatureTable:
    return FeatureTable(
        name="values",
        owner="tests",
        description="Values at a place.",
        entity=("place",),
        freshness=timedelta(days=1),
        reads=("reading",),
        features=(Feature("total", "bigint", "1", "the sum of all values so far"),),
        compute=compute,
    )


def totals(known: Knowledge, *, time: str = "known_at") -> DataFrame:
    """The sum of the values at each place that are known so far."""
    past = Window.partitionBy("place").orderBy(F.unix_timestamp("feature_time"))
    rows = known.bronze["reading"].withColumn("feature_time", F.col(time))
    return rows.select("place", "feature_time", F.sum("value").over(past).alias("total"))


def new(rows: DataFrame, known: Knowledge) -> DataFrame:
    return rows if known.since is None else rows.filter(F.col("feature_time") > F.lit(known.since))


def honest(known: Knowledge) -> DataFrame:
    return new(totals(known), known)


def before_it_was_known(known: Knowledge) -> DataFrame:
    return new(totals(known, time="taken_at"), known)


def of_all_time(known: Knowledge) -> DataFrame:
    total = known.bronze["reading"].groupBy("place").agg(F.sum("value").alias("total"))
    return new(totals(known).drop("total").join(total, "place"), known)


def by_the_next_value(known: Knowledge) -> DataFrame:
    order = Window.partitionBy("place").orderBy("known_at")
    rows = known.bronze["reading"].withColumn("total", F.coalesce(F.lead("value").over(order), F.lit(0)))
    return new(rows.select("place", F.col("known_at").alias("feature_time"), F.col("total").cast("long")), known)


def of_the_new_rows_only(known: Knowledge) -> DataFrame:
    if known.since is None:
        return totals(known)
    recent = known.bronze["reading"].filter(F.col("known_at") > F.lit(known.since))
    return totals(replace(known, bronze={"reading": recent}))


def everything_again(known: Knowledge) -> DataFrame:
    return totals(known)


def twice(known: Knowledge) -> DataFrame:
    return honest(known).union(honest(known))


def after_the_run(known: Knowledge) -> DataFrame:
    return honest(known).withColumn("feature_time", F.col("feature_time") + F.expr("INTERVAL 1 DAY"))


def without_a_place(known: Knowledge) -> DataFrame:
    return honest(known).withColumn("place", F.when(F.col("total") > 100, F.col("place")))


def always_the_same(known: Knowledge) -> DataFrame:
    return honest(known).withColumn("total", F.lit(1).cast("long"))


def under_another_name(known: Knowledge) -> DataFrame:
    return honest(known).withColumnRenamed("total", "sum")


def as_a_fraction(known: Knowledge) -> DataFrame:
    return honest(known).withColumn("total", F.col("total") / 2)


FAULTS = {
    before_it_was_known: "with another future: ",
    of_all_time: "with another future: ",
    by_the_next_value: "with another future: ",
    of_the_new_rows_only: "computed in steps: ",
    everything_again: "computed in steps: ",
    twice: "rows are not unique by place, feature_time",
    after_the_run: "a row lies after the time of the run",
    without_a_place: "a key is null",
    always_the_same: "always the same or null: total",
    under_another_name: "its columns are ",
    as_a_fraction: "total is double, declared is bigint",
}


def test_an_honest_table_passes(readings):
    assert [*violations(of(honest), readings)] == []


@pytest.mark.parametrize("compute", FAULTS)
def test_a_table_that_breaks_its_contract_is_caught(readings, compute):
    found = [*violations(of(compute), readings)]

    assert any(each.startswith(FAULTS[compute]) for each in found), found
