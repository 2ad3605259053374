"""The versions of facts do not depend on the order in which their rows are taken in, or on how often."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podium.domains.flights import DOMAIN
from podium.features.as_of import first_known, newest_known
from podium.pipelines.ingestion.listings import settle_listings
from podium.pipelines.ingestion.versions import (
    candidates,
    is_new_repeat,
    is_rewritten,
    is_version,
    settle,
    settle_few,
)

EVENT = replace(
    DOMAIN.event("plane"), name="price", keys=("key",), schema="key string, value int, available_at timestamp"
)
COLUMNS = "key string, value int, available_at timestamp, arrived_at timestamp, known_at timestamp"
NAMES = [column.split()[0] for column in COLUMNS.split(", ")]
BEGIN = datetime(2013, 1, 1, tzinfo=UTC)

hours = st.integers(0, 3).map(lambda hour: BEGIN + timedelta(hours=hour))
rows = st.builds(
    lambda key, value, knowable, arrived: (key, value, knowable, arrived, max(knowable, arrived)),
    st.sampled_from("ab"),
    st.sampled_from([1, 2, None]),
    st.just(BEGIN),
    hours,
)
batches = st.lists(st.lists(rows, min_size=1, max_size=5), min_size=1, max_size=4)


def settle_many(given, event, taken_in, *, live):
    return settle(candidates(given, event, *taken_in), event, taken_in, live=live)


def settle_all(given, event, taken_in, *, live):
    return settle_listings(given, event, taken_in)


class Tables:
    """A bronze table and a table of repeats, as sets of rows."""

    def __init__(self, spark, event=EVENT, how=settle_many):
        self._spark = spark
        self._event = event
        self._how = how
        self._columns = event.bronze_schema.rpartition(", ")[0]
        self.bronze: set[tuple] = set()
        self.repeats: set[tuple] = set()
        self.rewritten = 0

    def frames(self):
        return (
            self._spark.createDataFrame(sorted(self.bronze, key=repr), f"{self._columns}, version int"),
            self._spark.createDataFrame(sorted(self.repeats, key=repr), self._columns),
        )

    def take_in(self, batch: list[tuple], *, live: bool = True) -> None:
        placed = [(*row, "file", number) for number, row in enumerate(batch)]
        given = self._spark.createDataFrame(placed, f"{self._columns}, item string, row bigint")
        settled = self._how(given, self._event, self.frames(), live=live).select(
            "*", is_version().alias("v"), is_rewritten().alias("w"), is_new_repeat().alias("r")
        )
        for row in settled.toArrow().to_pylist():
            said = tuple(row[name] for name in self._event.said)
            self.rewritten += row["w"]
            if row["stored"] == 1:
                self.bronze -= {(*said, row["was"])}
            if row["v"]:
                self.bronze.add((*said, row["version"]))
            if row["r"]:
                self.repeats.add(said)


def expected(received: list[tuple]) -> list[tuple]:
    """The versions among rows, by a plain reading of the definition."""
    versions = []
    order = lambda row: (row[0], row[4], row[3], row[1] is not None, row[1] or 0)  # noqa: E731
    for _, mine in groupby(sorted(set(received), key=order), key=lambda row: row[0]):
        number, last = 0, None
        for row in mine:
            if last is None or row[1:3] != last[1:3]:
                number, last = number + 1, row
                versions.append((*row, number))
    return versions


def taken_in(spark, *batches: list[tuple], **options) -> Tables:
    tables = Tables(spark, **options)
    for batch in batches:
        tables.take_in(batch)
    return tables


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches)
def test_the_order_of_batches_does_not_matter(spark, batches):
    received = [row for batch in batches for row in batch]

    for order, how in (
        (batches, settle_few),
        (batches[::-1], settle_many),
        ([received], settle_few),
        ([*batches, received], settle_many),
    ):
        assert taken_in(spark, *order, how=how).bronze == set(expected(received))


def row(value: int | None, hour: int) -> tuple:
    moment = BEGIN + timedelta(hours=hour)
    return ("a", value, BEGIN, moment, moment)


A, B, A_AGAIN = row(1, 1), row(2, 2), row(1, 3)


@pytest.mark.parametrize("order", [(A, B, A_AGAIN), (A_AGAIN, B, A), (A, A_AGAIN, B), (B, A_AGAIN, A)])
def test_a_value_that_changes_back_has_three_versions(spark, order):
    tables = taken_in(spark, *[[each] for each in order])

    assert tables.bronze == {(*A, 1), (*B, 2), (*A_AGAIN, 3)}
    bronze, _ = tables.frames()
    first = first_known({"price": bronze}, world(), BEGIN + timedelta(hours=5))["price"]
    assert [each["value"] for each in first.toArrow().to_pylist()] == [1]
    for hour, value in enumerate([None, 1, 2, 1]):
        newest = newest_known({"price": bronze}, world(), BEGIN + timedelta(hours=hour))["price"].toArrow().to_pylist()
        assert [each["value"] for each in newest] == ([value] if value else [])


def test_versions_in_order_rewrite_nothing(spark):
    assert taken_in(spark, [A], [B], [A_AGAIN]).rewritten == 0


def test_a_repeat_is_no_version(spark):
    tables = taken_in(spark, [A], [A_AGAIN], [A_AGAIN, A])

    assert tables.bronze == {(*A, 1)}
    assert tables.repeats == {A_AGAIN}


def test_a_repeat_that_became_a_version_stays_one_in_an_intake_of_history(spark):
    """It is in both tables, but counts once: a MERGE refuses two rows for one."""
    tables = taken_in(spark, [A], [A_AGAIN], [B])
    assert tables.repeats == {A_AGAIN}
    before = set(tables.bronze)

    tables.take_in([row(3, 4)], live=False)

    assert tables.bronze == before | {(*row(3, 4), 4)}
    assert tables.rewritten == 0


@pytest.mark.parametrize("how", [settle_few, settle_many])
def test_two_contents_of_one_time_in_a_dump_are_no_corrections_when_they_are_read_again(spark, how):
    one, other, older = row(1, 2), row(2, 2), row(3, 1)
    tables = Tables(spark, how=how)
    tables.take_in([one, other], live=False)
    before = set(tables.bronze)
    assert len(before) == 2

    tables.take_in([one, other], live=False)
    assert tables.bronze == before
    assert tables.rewritten == 0

    tables.take_in([older, one, other], live=False)
    assert tables.bronze == {(*older, 1), (*one, 2), (*other, 3)}


def test_all_versions_are_seen_if_the_event_says_so(spark):
    bronze, _ = taken_in(spark, [A, B, A_AGAIN]).frames()

    seen = first_known({"price": bronze}, world(corrections="all"), BEGIN + timedelta(hours=2))["price"]

    assert sorted(each["value"] for each in seen.toArrow().to_pylist()) == [1, 2]


def test_a_null_is_a_value(spark):
    nothing, one = row(None, 1), row(1, 2)

    tables = taken_in(spark, [nothing], [one])

    assert tables.bronze == {(*nothing, 1), (*one, 2)}
    newest = newest_known({"price": tables.frames()[0]}, world(), BEGIN + timedelta(hours=1))["price"]
    assert newest.toArrow().to_pylist()[0]["value"] is None


LISTED = replace(EVENT, absence="deletion", corrections="all")
prices = st.dictionaries(st.sampled_from("abc"), st.sampled_from([1, 2]))
listings = st.lists(prices, min_size=2, max_size=5).map(lambda found: dict(enumerate(found)))


def listing(hour: int, prices: dict[str, int]) -> list[tuple]:
    moment = BEGIN + timedelta(hours=hour)
    return [(key, value, BEGIN, moment, moment, False) for key, value in prices.items()]


def expected_of(listings: dict[int, dict[str, int]]) -> set[tuple]:
    """The versions among listings, with deletions, by a plain reading of the definition. An empty one says nothing."""
    found, said = set(), dict[str, list]()
    for hour in sorted(hour for hour in listings if listings[hour]):
        moment = BEGIN + timedelta(hours=hour)
        for key in {*said, *listings[hour]}:
            value = listings[hour].get(key)
            before = said.setdefault(key, [])
            if not before or before[-1] != value:
                before.append(value)
                knowable = moment if value is None else BEGIN
                found.add((key, value, knowable, moment, moment, value is None, len(before)))
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(listings, st.randoms(use_true_random=False))
def test_a_fact_that_a_later_listing_lacks_is_deleted_in_any_order_of_intake(spark, listings, random):
    batches = [listing(hour, prices) for hour, prices in listings.items() if prices]
    random.shuffle(batches)

    tables = taken_in(spark, *batches, *batches[:1], event=LISTED, how=settle_all)

    assert tables.bronze == expected_of(listings)
    assert not any(row[5] for row in tables.repeats)


def test_a_deleted_fact_is_gone_from_then_on_and_may_come_back(spark):
    prices = {1: {"a": 1, "b": 1}, 2: {"b": 1}, 3: {"a": 1, "b": 1}}
    tables = taken_in(spark, *[listing(*each) for each in prices.items()], event=LISTED, how=settle_all)
    assert tables.rewritten == 0
    bronze, _ = tables.frames()

    for hour, keys in enumerate(["", "ab", "b", "ab"]):
        moment = BEGIN + timedelta(hours=hour)
        newest = newest_known({"price": bronze}, world(absence="deletion"), moment)["price"].toArrow().to_pylist()
        assert sorted(each["key"] for each in newest) == [*keys]
    seen = first_known({"price": bronze}, world(absence="deletion", corrections="all"), BEGIN + timedelta(hours=2))
    assert sorted((each["key"], each["deleted"]) for each in seen["price"].toArrow().to_pylist()) == [
        ("a", False),
        ("a", True),
        ("b", False),
    ]


def world(**changes):
    return replace(DOMAIN, events=(replace(EVENT, **changes),), tables=())


def test_podiums_columns_are_refused_in_an_event():
    with pytest.raises(ValueError, match="the event price cannot name a column arrived_at: Podium adds one"):
        replace(EVENT, schema="key string, arrived_at timestamp, available_at timestamp")
