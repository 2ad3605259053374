"""No feature uses the future: changing the future leaves past features unchanged. The same check catches leaks that
the tests write on purpose."""

from datetime import timedelta

import pandas as pd
import pytest
from pyspark.sql import functions as F

from podium.domains.base import Feature, FeatureTable, Knowledge
from podium.domains.flights import DOMAIN
from tests.flights import KEYS
from tests.leaks import another_future, assert_same_past, differences

from .conftest import AS_OF

TABLES = {table.name: table for table in DOMAIN.tables}
# Noon in New York, with flights in the air, on time, late and cancelled. Features are computed as of eleven days later.
CUT = pd.Timestamp("2013-03-01T17:03", tz="UTC")


@pytest.fixture(scope="module")
def other_future(files, new_project):
    """The project on a source that is the same up to the cut and differs after it."""
    project = new_project(another_future(files, CUT))
    project.run("feature_engineering", as_of=AS_OF)
    return project


def test_the_two_sources_share_their_past_and_differ_in_their_future(computed, other_future):
    """Compares the events. If the two sources did not differ, the tests below could not fail."""
    assert len(other_future.table("quarantine/rows")) == len(computed.table("quarantine/rows")) == 1
    for name in ("departure", "arrival", "cancellation", "weather"):
        event = DOMAIN.event(name)
        before, after = (world.table(f"bronze/{name}") for world in (computed, other_future))
        assert_same_past(before, after, keys=list(event.keys), cut=CUT, time="available_at")
        later = before[before["available_at"] > CUT].merge(after, on=list(event.keys), suffixes=("", "_other"))
        changed = later["available_at"] != later["available_at_other"]
        assert name in {"weather", "cancellation"} or changed.mean() > 0.9
        assert len(before) != len(after)
    timetables = [world.table("bronze/timetable") for world in (computed, other_future)]
    assert differences(*timetables, KEYS) == []


@pytest.mark.parametrize("name", TABLES)
def test_the_past_of_a_feature_table_does_not_depend_on_the_future(computed, other_future, name):
    before, after = (world.table(f"features/{name}") for world in (computed, other_future))
    keys = list(TABLES[name].entity)

    assert_same_past(before, after, keys=keys, cut=CUT)
    if name != "timetable_load":  # the timetable is known weeks ahead
        assert differences(before, after, [*keys, "feature_time"]), "features after the cut must differ"


def knowledge(spark, world) -> Knowledge:
    """The data that a computation may read as of ``AS_OF``, from one of the two projects."""
    until = pd.Timestamp(AS_OF, tz="UTC").to_pydatetime()
    frames = {
        event.name: spark.read.format("delta").load(str(world.lake / "bronze" / event.name)) for event in DOMAIN.events
    }
    known = {name: frame.filter(F.col("available_at") <= F.lit(until)) for name, frame in frames.items()}
    return Knowledge(bronze=known, since=None, until=until)


def _mean_delay(bronze, moment):
    arrival = bronze["arrival"].withColumn("feature_time", moment)
    return arrival.groupBy("origin", "feature_time").agg(F.sum("arr_delay").alias("leak"))


def arrival_delay_at_departure(known: Knowledge):
    """The arrival delay, already at the planned departure."""
    return _mean_delay(known.bronze, F.col("scheduled_departure"))


def arrival_delay_in_the_air(known: Knowledge):
    """The arrival delay, an hour before the arrival."""
    return _mean_delay(known.bronze, F.col("landed_at") - F.expr("INTERVAL 1 HOUR"))


def aircraft_in_the_timetable(known: Knowledge):
    """The number of flights without an aircraft, which gives away the cancelled flights in advance."""
    planned = known.bronze["timetable"].join(known.bronze["departure"].select(*KEYS, "tail_number"), KEYS, "left")
    missing = F.sum(F.col("tail_number").isNull().cast("long")).alias("leak")
    return planned.groupBy("origin", F.col("scheduled_departure").alias("feature_time")).agg(missing)


def rate_of_all_time(known: Knowledge):
    """A rate over all rows, which includes those of the future."""
    overall = known.bronze["arrival"].agg(F.sum("arr_delay").alias("leak"))
    return known.bronze["weather"].select("origin", F.col("available_at").alias("feature_time")).crossJoin(overall)


def weather_at_observation(known: Knowledge):
    """The weather at the time of observation, an hour before it was reported."""
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
def test_a_leak_is_caught(spark, computed, other_future, compute):
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
    before, after = (table.compute(knowledge(spark, world)).toPandas() for world in (computed, other_future))
    frames = [frame.assign(feature_time=frame["feature_time"].dt.tz_localize("UTC")) for frame in (before, after)]

    with pytest.raises(AssertionError, match=r"leak: \d+ of \d+ rows differ|rows, then"):
        assert_same_past(*frames, keys=["origin"], cut=CUT)


def test_a_feature_without_a_leak_passes_the_check(spark, computed, other_future):
    """Written like the leaks above, which shows that the check does not fail because of the way they are written."""

    def honest(known: Knowledge):
        arrival = known.bronze["arrival"].withColumn("feature_time", F.col("available_at"))
        return arrival.groupBy("origin", "feature_time").agg(F.sum("arr_delay").alias("delay"))

    frames = [honest(knowledge(spark, world)).toPandas() for world in (computed, other_future)]
    frames = [frame.assign(feature_time=frame["feature_time"].dt.tz_localize("UTC")) for frame in frames]

    assert_same_past(*frames, keys=["origin"], cut=CUT)


def test_the_check_finds_every_difference():
    """The order of rows and integers as floats do not count as differences. Any other change does, to the last bit."""
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
