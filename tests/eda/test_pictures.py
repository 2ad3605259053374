"""The pictures of flight_delay show the numbers that pandas computes from the source files."""

import pandas as pd
import pytest

from podium.domains.flights import DOMAIN
from podium.domains.flights.pictures import PICTURES
from podium.domains.flights.pictures.carriers import CARRIERS
from podium.domains.flights.pictures.delays import DELAYS
from podium.domains.flights.pictures.destinations import DESTINATIONS
from podium.domains.flights.pictures.weather import WEATHER
from podium.domains.flights.pictures.when import CANCELLATIONS, HOURS, MONTHS
from podium.features.as_of import newest_known

from .conftest import AS_OF


@pytest.fixture(scope="module")
def tables(frames):
    return newest_known(frames, DOMAIN, AS_OF)


@pytest.fixture(scope="module")
def flights(week):
    rows = week["flights"]
    return rows.assign(
        late=~(rows["arr_delay"] < 15),
        weekday=pd.to_datetime(rows[["year", "month", "day"]]).dt.dayofweek,
        hour=rows["hour"].astype(int),
    )


def counts(picture, tables, *by):
    rows = picture.table(tables).toPandas()
    return rows.set_index(list(by))[["flights", "late"]].sort_index().astype(int)


def expected(flights, *by):
    groups = flights.groupby(list(by))["late"]
    return groups.agg(flights="size", late="sum").sort_index().astype(int)


def test_hours_and_weekdays_are_in_new_york_time(tables, flights):
    found = counts(HOURS, tables, "weekday", "hour")
    assert set(found.index.get_level_values("weekday")) == set(range(7))
    pd.testing.assert_frame_equal(found, expected(flights, "weekday", "hour"), check_index_type=False)


def test_carriers_have_the_counts_of_the_source(tables, flights):
    pd.testing.assert_frame_equal(counts(CARRIERS, tables, "carrier"), expected(flights, "carrier"))


def test_destinations_include_airports_without_flights(tables, flights, week):
    found = DESTINATIONS.table(tables).toPandas()
    flown = found.dropna(subset=["flights"])
    pd.testing.assert_frame_equal(counts_of(flown), expected(flights, "dest"), check_names=False)
    assert set(week["airports"]["faa"]) <= set(found["dest"])
    assert "SJU" in DESTINATIONS.finding(found).split("without coordinates")[1]


def counts_of(rows):
    return rows.set_index("dest")[["flights", "late"]].sort_index().astype(int)


def test_weather_is_that_of_the_departure_hour(tables, flights, week):
    joined = flights.merge(week["weather"][["origin", "time_hour", "precip", "visib"]], on=["origin", "time_hour"])
    found = counts(WEATHER, tables, "measure", "bin")
    dry = joined[joined["precip"] == 0]
    assert found.loc[("precip", 0)].tolist() == [len(dry), dry["late"].sum()]
    clear = joined[joined["visib"] >= 10]
    assert found.loc[("visib", 4)].tolist() == [len(clear), clear["late"].sum()]


def test_months_days_and_delays_add_up(tables, flights):
    month = MONTHS.table(tables).toPandas().iloc[0]
    never = flights["arr_delay"].isna().sum()
    assert [month["flights"], month["late"], month["never"]] == [len(flights), flights["late"].sum(), never]
    days = CANCELLATIONS.table(tables).toPandas()
    assert len(days) == 7
    assert days["cancelled"].sum() == flights["dep_time"].isna().sum()
    delays = DELAYS.table(tables).toPandas()
    assert delays["flights"].sum() == len(flights)


def test_findings_quote_the_computed_numbers(tables, flights):
    found = {picture.title: picture.finding(picture.table(tables).toPandas()) for picture in PICTURES}
    assert f"{flights['late'].mean():.0%} of {len(flights):,} flights were late" in found[MONTHS.title]
    assert f"{(flights['arr_delay'] >= 60).mean():.0%} an hour or more" in found[DELAYS.title]
    median = int(flights["arr_delay"].quantile(0.5, interpolation="lower"))
    assert f"arrives {abs(median)} minutes {'early' if median < 0 else 'late'}" in found[DELAYS.title]
    by_hour = flights.groupby("hour")["late"].agg(["mean", "size"]).query("size >= 80")["mean"]
    assert f"the most is {by_hour.idxmax()}:00 ({by_hour.max():.0%})" in found[HOURS.title]
    assert (
        f"{flights['dep_time'].isna().sum():,} of {len(flights):,} flights were cancelled" in found[CANCELLATIONS.title]
    )


def test_the_table_behind_a_picture_is_small(tables):
    assert all(len(picture.table(tables).toPandas()) < 2_000 for picture in PICTURES)
