"""Request features: the same function gives the same values for a batch, for one row, and on the engine."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from podium.features.request import add_request_features
from podium.problems.flight_delay.requests import REQUEST

NEW_YORK = ZoneInfo("America/New_York")


def ask(*departures: datetime, minutes: int = 150, distance: int = 1000) -> dict[str, np.ndarray]:
    """Compute the request features of flights that depart at these moments."""
    moments = np.array([moment.astimezone(UTC).replace(tzinfo=None) for moment in departures], "datetime64[us]")
    return REQUEST.compute(
        {
            "scheduled_departure": moments,
            "scheduled_arrival": moments + np.timedelta64(minutes, "m"),
            "distance": np.full(len(moments), distance, "int32"),
        }
    )


ODD = [
    *["2012-12-31T23:59", "2014-01-01T04:59", "2014-01-01T05:00", "2013-03-10T06:59", "2013-03-10T07:00"],
    *["2013-11-03T05:30", "2013-11-03T06:30", "1999-12-31T12:00", "2031-07-04T12:00", "2016-02-29T12:00"],
]


@pytest.fixture(scope="module")
def timetable(computed) -> pd.DataFrame:
    """A sample of real requests, plus invented ones: years apart, at the turn of the year, at clock changes."""
    real = computed.table("bronze/timetable")[["scheduled_departure", "scheduled_arrival", "distance"]]
    odd = pd.DataFrame({"scheduled_departure": pd.to_datetime(ODD, utc=True), "distance": 733})
    odd["scheduled_arrival"] = odd["scheduled_departure"] + pd.Timedelta(hours=3)
    rows = pd.concat([real.sample(500, random_state=7), odd], ignore_index=True)
    for name in ("scheduled_departure", "scheduled_arrival"):
        rows[name] = pd.to_datetime(rows[name], utc=True).astype("datetime64[us, UTC]")
    return rows


def columns(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    times = {
        name: rows[name].dt.tz_localize(None).to_numpy("datetime64[us]")
        for name in ("scheduled_departure", "scheduled_arrival")
    }
    return times | {"distance": rows["distance"].to_numpy("int32")}


def test_a_batch_is_bit_identical_to_single_rows(timetable):
    batch = REQUEST.compute(columns(timetable))
    single = [REQUEST.compute(columns(timetable.iloc[[n]])) for n in range(len(timetable))]

    for feature in REQUEST.features:
        one_by_one = np.concatenate([answer[feature.name] for answer in single])
        assert batch[feature.name].dtype == one_by_one.dtype == np.float64
        np.testing.assert_array_equal(batch[feature.name].view("int64"), one_by_one.view("int64"))


def test_the_engine_gives_bit_identical_features(spark, timetable):
    frame = spark.createDataFrame(timetable.assign(number=range(len(timetable)), kept="as it is"))

    found = add_request_features(frame, REQUEST).toPandas().sort_values("number", ignore_index=True)

    direct = REQUEST.compute(columns(timetable))
    for feature in REQUEST.features:
        np.testing.assert_array_equal(found[feature.name].to_numpy().view("int64"), direct[feature.name].view("int64"))
    assert set(found["kept"]) == {"as it is"}
    assert list(found.columns) == [*frame.columns, *(feature.name for feature in REQUEST.features)]


def test_no_rows_give_no_features(spark, timetable):
    assert all(len(values) == 0 for values in ask().values())
    assert add_request_features(spark.createDataFrame(timetable).limit(0), REQUEST).count() == 0


@pytest.mark.parametrize(
    ("day", "days"),
    [
        ("2012-12-29", 3),  # New Year's Day is nearer than Christmas
        ("2012-12-28", 3),  # both are three or four days away
        ("2012-12-31", 1),
        ("2013-01-01", 0),
        ("2013-01-02", 1),
        ("2013-07-03", 1),
        ("2013-11-28", 0),  # Thanksgiving
        ("2013-12-30", 2),
        ("2013-12-31", 1),
        ("2014-01-01", 0),
        ("2015-07-03", 0),  # Independence Day, observed on Friday
    ],
)
def test_days_to_the_nearest_holiday(day, days):
    moment = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=NEW_YORK)

    assert ask(moment)["days_to_holiday"].tolist() == [days]


def test_days_to_the_nearest_holiday_against_a_naive_search():
    from pandas.tseries.holiday import USFederalHolidayCalendar

    holidays = [day.date() for day in USFederalHolidayCalendar().holidays(datetime(2009, 1, 1), datetime(2018, 12, 31))]
    days = [date(2010, 1, 1) + timedelta(days=n) for n in range(8 * 365)]
    moments = [datetime(day.year, day.month, day.day, 0, 5, tzinfo=NEW_YORK) for day in days]

    expected = [min(abs((day - holiday).days) for holiday in holidays) for day in days]

    assert ask(*moments)["days_to_holiday"].tolist() == expected


@pytest.mark.parametrize(
    ("utc", "minute", "weekday"),
    [
        ("2013-03-10T06:59", 1 * 60 + 59, 6),  # the last minute before clocks go forward
        ("2013-03-10T07:00", 3 * 60, 6),
        ("2013-11-03T05:30", 1 * 60 + 30, 6),  # the first 1:30 of that night
        ("2013-11-03T06:30", 1 * 60 + 30, 6),  # and the second
        ("2013-11-04T04:59", 23 * 60 + 59, 6),
        ("2013-11-04T05:00", 0, 0),
        ("2013-07-01T03:59", 23 * 60 + 59, 6),
    ],
)
def test_clock_and_calendar_features_are_in_new_york_time(utc, minute, weekday):
    answer = ask(datetime.fromisoformat(utc).replace(tzinfo=UTC))

    assert answer["minute_of_day"].tolist() == [minute]
    assert answer["day_of_week"].tolist() == [weekday]


def test_duration_is_elapsed_time_across_a_clock_change():
    answer = ask(datetime(2013, 3, 10, 6, 30, tzinfo=UTC), minutes=95, distance=229)

    assert answer["duration_minutes"].tolist() == [95]
    assert answer["distance_miles"].tolist() == [229]
