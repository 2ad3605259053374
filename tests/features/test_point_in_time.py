"""The point-in-time join equals a naive one. Each Hypothesis example holds many small data sets, called worlds."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podium.domains.base import Feature, FeatureTable
from podium.features.point_in_time import point_in_time_join

START = datetime(2013, 1, 1)
STEP = timedelta(milliseconds=500)
NAMES = ("a", "b")


def feature_table(name: str, freshness: int) -> FeatureTable:
    """A table whose feature is the time step of its row, so that a row of the future is easy to recognise."""
    return FeatureTable(
        name=name,
        owner="tests",
        description="steps",
        entity=("world", "key"),
        freshness=freshness * STEP,
        reads=(),
        features=(Feature(name, "bigint", "steps", "the step of the row"), Feature(f"{name}_x", "double", "-", "any")),
        compute=lambda knowledge: pytest.fail("nothing is computed here"),
    )


KEY = st.sampled_from(["p", "q", "r", None])
STEPS = st.integers(0, 12)
VALUE = st.one_of(st.none(), st.floats(-5, 5))
# Rows of a feature table are unique by entity and time.
ROWS = st.dictionaries(st.tuples(KEY, STEPS), VALUE, max_size=12)
WORLD = st.tuples(st.lists(st.tuples(KEY, st.one_of(st.none(), STEPS)), max_size=8), *[ROWS] * len(NAMES))
WORLDS = st.lists(WORLD, min_size=20, max_size=40)


def naive(request: tuple, rows: dict, freshness: int) -> tuple:
    """The newest row of the same key that is neither in the future nor stale, found by a linear search."""
    key, at = request
    if key is None or at is None:
        return None, None
    known = [step for other, step in rows if other == key and at - freshness <= step <= at]
    return (max(known), rows[key, max(known)]) if known else (None, None)


def at(step: int | None) -> datetime | None:
    return None if step is None else START + step * STEP


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(worlds=WORLDS, freshness=st.tuples(st.integers(0, 6), st.integers(0, 14)))
def test_the_join_equals_a_naive_one(spark, worlds, freshness):
    """Every request is in the result exactly once, with the newest known and fresh row, and never a future one."""
    asked, stored = [], {name: [] for name in NAMES}
    for world, (requests, *tables) in enumerate(worlds):
        asked += [(world, number, key, at(step)) for number, (key, step) in enumerate(requests)]
        for name, rows in zip(NAMES, tables, strict=True):
            stored[name] += [(world, key, at(step), step, value) for (key, step), value in rows.items()]
    frames = {
        feature_table(name, fresh): spark.createDataFrame(
            stored[name], f"world int, key string, feature_time timestamp, {name} bigint, {name}_x double"
        )
        for name, fresh in zip(NAMES, freshness, strict=True)
    }
    requests = spark.createDataFrame(asked, "world int, number int, key string, at timestamp")

    joined = point_in_time_join(requests, frames, time="at").collect()

    found = {(row["world"], row["number"]): row for row in joined}
    assert len(joined) == len(found) == len(asked), "the join must return one row per request"
    for world, (questions, *tables) in enumerate(worlds):
        for number, request in enumerate(questions):
            row = found[world, number]
            assert (row["key"], row["at"]) == (request[0], at(request[1]))
            for name, rows, fresh in zip(NAMES, tables, freshness, strict=True):
                assert (row[name], row[f"{name}_x"]) == naive(request, rows, fresh)
                assert row[name] is None or row[name] <= request[1], "the join used a row of the future"


def test_equal_requests_keep_their_own_rows(spark):
    table = feature_table("a", 5)
    rows = spark.createDataFrame(
        [(1, "p", START, 0, 0.5)], "world int, key string, feature_time timestamp, a bigint, a_x double"
    )
    requests = spark.createDataFrame(
        [(1, "p", START, n) for n in range(3)], "world int, key string, at timestamp, n int"
    )

    joined = point_in_time_join(requests, {table: rows}, time="at").toPandas()

    assert sorted(joined["n"]) == [0, 1, 2]
    assert joined["a_x"].tolist() == [0.5] * 3


def test_the_bounds_of_availability_and_freshness_are_inclusive_to_the_microsecond(spark):
    table = feature_table("a", 5)
    rows = spark.createDataFrame(
        [(1, "p", START, 0, 0.5)], "world int, key string, feature_time timestamp, a bigint, a_x double"
    )
    moments = {
        START: 0.5,
        START - timedelta(microseconds=1): None,
        START + table.freshness: 0.5,
        START + table.freshness + timedelta(microseconds=1): None,
    }
    requests = spark.createDataFrame([(1, "p", moment) for moment in moments], "world int, key string, at timestamp")

    joined = point_in_time_join(requests, {table: rows}, time="at").collect()

    assert {row["at"]: row["a_x"] for row in joined} == moments


def test_a_row_whose_features_are_null_hides_older_ones(spark):
    """A computed null is a valid value, so the older value is out of date."""
    table = feature_table("a", 50)
    rows = spark.createDataFrame(
        [(1, "p", START, 0, 0.5), (1, "p", START + STEP, 1, None)],
        "world int, key string, feature_time timestamp, a bigint, a_x double",
    )
    requests = spark.createDataFrame([(1, "p", START + 2 * STEP)], "world int, key string, at timestamp")

    (row,) = point_in_time_join(requests, {table: rows}, time="at").collect()

    assert (row["a"], row["a_x"]) == (1, None)


def test_no_requests_give_no_rows(spark):
    table = feature_table("a", 5)
    rows = spark.createDataFrame([], "world int, key string, feature_time timestamp, a bigint, a_x double")
    requests = spark.createDataFrame([], "world int, key string, at timestamp")

    joined = point_in_time_join(requests, {table: rows}, time="at")

    assert joined.toPandas().empty
    assert set(joined.columns) == {"world", "key", "at", "a", "a_x"}


def test_on_a_grid_the_equality_join_equals_the_running_maximum(spark) -> None:
    """Compares the two join methods, with gaps in the grid and requests exactly on grid points."""
    import random
    from dataclasses import replace
    from datetime import UTC, datetime, timedelta

    from podium.domains.base import Feature, FeatureTable
    from podium.features.point_in_time import latest_known

    chance, begin, step = random.Random(7), datetime(2013, 3, 10, tzinfo=UTC), timedelta(minutes=15)
    known = [(key, begin + i * step, i) for key in "abc" for i in range(200) if chance.random() < 0.6]
    asked = [(chance.choice("abcd"), begin + timedelta(seconds=chance.randrange(0, 200 * 900, 60))) for _ in range(500)]
    rows = spark.createDataFrame(known, "key string, feature_time timestamp, value int")
    requests = spark.createDataFrame(asked, "key string, prediction_time timestamp")
    on_grid = FeatureTable(
        name="board",
        owner="",
        description="",
        entity=("key",),
        freshness=step,
        grid=step,
        reads=(),
        features=(Feature("value", "int", "", ""),),
        compute=lambda knowledge: rows,
    )
    anywhere = replace(on_grid, grid=None, freshness=step - timedelta(microseconds=1))
    found = [
        sorted(map(tuple, latest_known(requests, table, rows, time="prediction_time").collect()))
        for table in (on_grid, anywhere)
    ]
    assert found[0] == found[1]
    assert 100 < len(found[0]) < len(set(asked))
