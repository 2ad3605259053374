"""No feature knows the future: another one leaves the past as it was, and a feature that leaks is caught by the same
check."""

from datetime import timedelta

import pandas as pd
import pytest
from pyspark.sql import functions as F

from podium.problems import PROBLEMS
from podium.problems.base import Feature, FeatureTable, Knowledge
from tests.flights import KEYS
from tests.leaks import another_future, assert_same_past, differences

from .conftest import AS_OF

PROBLEM = PROBLEMS["flight_delay"]
TABLES = {table.name: table for table in PROBLEM.tables}
# Noon, with flights in the air and on time, late and cancelled; features are computed as of days later.
CUT = pd.Timestamp("2013-03-01T17:03", tz="UTC")


@pytest.fixture(scope="module")
def elsewhere(files, new_project):
    """The project in a world that is the same up to the cut."""
    project = new_project(another_future(files, CUT))
    project.run("feature_engineering", as_of=AS_OF)
    return project


def test_the_other_future_is_another_one_and_has_the_same_past(computed, elsewhere):
    """Of the events themselves; without this, the tests below would show nothing."""
    assert len(elsewhere.table("quarantine/rows")) == len(computed.table("quarantine/rows")) == 1
    for name in ("departure", "arrival", "cancellation", "weather"):
        event = PROBLEM.event(name)
        before, after = (world.table(f"bronze/{name}") for world in (computed, elsewhere))
        assert_same_past(before, after, keys=list(event.keys), cut=CUT, time="available_at")
        later = before[before["available_at"] > CUT].merge(after, on=list(event.keys), suffixes=("", "_other"))
        changed = later["available_at"] != later["available_at_other"]
        assert name in {"weather", "cancellation"} or changed.mean() > 0.9
        assert len(before) != len(after)
    timetables = [world.table("bronze/timetable") for world in (computed, elsewhere)]
    assert differences(*timetables, KEYS) == []


@pytest.mark.parametrize("name", TABLES)
def test_the_past_of_a_feature_table_does_not_depend_on_the_future(computed, elsewhere, name):
    before, after = (world.table(f"features/{name}") for world in (computed, elsewhere))
    keys = list(TABLES[name].entity)

    assert_same_past(before, after, keys=keys, cut=CUT)
    if name != "timetable_load":  # the timetable is known weeks ahead
        assert differences(before, after, [*keys, "feature_time"]), "the future is another one, its features are not"


def knowledge(spark, world) -> Knowledge:
    """What a computation may read as of ``AS_OF``, in one world."""
    until = pd.Timestamp(AS_OF, tz="UTC").to_pydatetime()
    frames = {
        event.name: spark.read.format("delta").load(str(world.lake / "bronze" / event.name)) for event in PROBLEM.events
    }
    known = {name: frame.filter(F.col("available_at") <= F.lit(until)) for name, frame in frames.items()}
    return Knowledge(bronze=known, since=None, until=until)


def _mean_delay(bronze, moment):
    arrival = bronze["arrival"].withColumn("feature_time", moment)
    return arrival.groupBy("origin", "feature_time").agg(F.sum("arr_delay").alias("leak"))


def arrival_delay_at_departure(known: Knowledge):
    """How late a flight will arrive, when it should leave."""
    return _mean_delay(known.bronze, F.col("scheduled_departure"))


def arrival_delay_in_the_air(known: Knowledge):
    """How late a flight will arrive, an hour before it does."""
    return _mean_delay(known.bronze, F.col("arrived_at") - F.expr("INTERVAL 1 HOUR"))


def aircraft_in_the_timetable(known: Knowledge):
    """Whether the aircraft is known: a cancelled flight has none."""
    planned = known.bronze["timetable"].join(known.bronze["departure"].select(*KEYS, "tail_number"), KEYS, "left")
    missing = F.sum(F.col("tail_number").isNull().cast("long")).alias("leak")
    return planned.groupBy("origin", F.col("scheduled_departure").alias("feature_time")).agg(missing)


def rate_of_all_time(known: Knowledge):
    """An overall rate, which sees everything that was ever computed with it."""
    overall = known.bronze["arrival"].agg(F.sum("arr_delay").alias("leak"))
    return known.bronze["weather"].select("origin", F.col("available_at").alias("feature_time")).crossJoin(overall)


def weather_at_observation(known: Knowledge):
    """The weather of an hour before it was reported."""
    return known.bronze["weather"].select(
        "origin", F.col("observed_at").alias("feature_time"), F.col("temp").alias("leak")
    )


LEAKS = [
    arrival_delay_at_departure,
    arrival_delay_in_the_air,
    aircraft_in_the_timetable,
    rate_of_all_time,
    weather_at_observation,
]


@pytest.mark.parametrize("compute", LEAKS)
def test_a_leak_is_caught(spark, computed, elsewhere, compute):
    table = FeatureTable(
        name="leaking",
        owner="tests",
        description="A mistake.",
        entity=("origin",),
        freshness=timedelta(days=1),
        reads=("timetable", "departure", "arrival", "weather"),
        features=(Feature("leak", "bigint", "minutes", "what cannot be known"),),
        compute=compute,
    )
    before, after = (table.compute(knowledge(spark, world)).toPandas() for world in (computed, elsewhere))
    frames = [frame.assign(feature_time=frame["feature_time"].dt.tz_localize("UTC")) for frame in (before, after)]

    with pytest.raises(AssertionError, match=r"leak: \d+ of \d+ rows differ|rows, then"):
        assert_same_past(*frames, keys=["origin"], cut=CUT)


def test_an_honest_feature_passes_the_check(spark, computed, elsewhere):
    """The same check on a computation that a test wrote in the same way, so that it is not the way that fails."""

    def honest(known: Knowledge):
        arrival = known.bronze["arrival"].withColumn("feature_time", F.col("available_at"))
        return arrival.groupBy("origin", "feature_time").agg(F.sum("arr_delay").alias("delay"))

    frames = [honest(knowledge(spark, world)).toPandas() for world in (computed, elsewhere)]
    frames = [frame.assign(feature_time=frame["feature_time"].dt.tz_localize("UTC")) for frame in frames]

    assert_same_past(*frames, keys=["origin"], cut=CUT)


def test_the_check_itself():
    """What counts as the same: values to the bit, nulls, order of rows; and what does not."""
    moments = pd.to_datetime(["2013-01-01", "2013-01-02", "2013-01-03"], utc=True)
    frame = pd.DataFrame({"k": ["a", "b", "c"], "feature_time": moments, "x": [0.1, None, 0.3], "n": [1, 2, 3]})

    assert differences(frame, frame.sample(frac=1, random_state=7), ["k"]) == []
    assert differences(frame, frame.assign(n=frame["n"].astype(float)), ["k"]) == []
    for other in (
        frame.assign(x=[0.1 + 1e-16 * 2, None, 0.3]),
        frame.assign(x=[0.1, 0.0, 0.3]),
        frame.assign(n=[1, 2, 4]),
        frame.assign(k=["a", "b", "d"]),
        frame.assign(feature_time=moments + pd.Timedelta(microseconds=1)),
        frame.head(2),
        frame.drop(columns="n"),
        frame.assign(k="a"),
    ):
        assert differences(frame, other, ["k"]) != []
    assert differences(frame.assign(x=0.0), frame.assign(x=-0.0), ["k"]) != []
    assert_same_past(frame, frame.head(2), keys=["k"], cut=moments[1])
    with pytest.raises(AssertionError, match="this compares nothing"):
        assert_same_past(frame, frame, keys=["k"], cut=moments[0] - pd.Timedelta(days=1))
