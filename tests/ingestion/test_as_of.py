"""The ``as_of`` of a run: parsed from text, checked against the data, and by default the newest moment."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from podium.domains.flights import DOMAIN
from podium.errors import PodiumError
from podium.pipelines.ingestion.clock import parse_moment, resolve_as_of
from podium.pipelines.ingestion.intakes import BEGINNING


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2013-08-01", datetime(2013, 8, 1, tzinfo=UTC)),
        (20130801, datetime(2013, 8, 1, tzinfo=UTC)),
        ("2013-08-01T06:00", datetime(2013, 8, 1, 6, tzinfo=UTC)),
        ("2013-08-01 06:00:07.123456", datetime(2013, 8, 1, 6, 0, 7, 123456, tzinfo=UTC)),
        ("2013-08-01T06:00Z", datetime(2013, 8, 1, 6, tzinfo=UTC)),
        ("2013-08-01T06:00+05:30", datetime(2013, 8, 1, 0, 30, tzinfo=UTC)),
        (datetime(2013, 8, 1, 6, tzinfo=timezone(timedelta(hours=-4))), datetime(2013, 8, 1, 10, tzinfo=UTC)),
    ],
)
def test_moments_are_read_as_utc(text, moment):
    assert parse_moment(text) == moment
    assert parse_moment(text).utcoffset() == timedelta(0)


@pytest.fixture
def intake(spark):
    """Intakes of three events with dates, one without dates, and one without rows."""
    rows = [
        ("timetable", 1, BEGINNING, datetime(2012, 1, 2), datetime(2014, 3, 1)),  # by other rules than now
        ("timetable", 2, BEGINNING, datetime(2013, 1, 2), datetime(2013, 2, 1)),
        ("timetable", 3, None, datetime(2013, 2, 2), datetime(2013, 3, 1)),
        ("weather", 2, BEGINNING, datetime(2013, 1, 1), datetime(2013, 3, 4)),
        ("airport", 2, BEGINNING, datetime(2000, 1, 1), datetime(2020, 1, 1)),
        ("departure", 2, BEGINNING, datetime(2013, 1, 15), datetime(2013, 2, 1)),  # may be empty for a while
        ("cancellation", 2, BEGINNING, None, None),
    ]
    rows = [(*row, True) for row in rows]
    rows.append(("weather", 3, None, datetime(2013, 1, 1), datetime(2013, 12, 1), False))  # did not end
    columns = (
        "event string, intake bigint, changed_from timestamp, oldest timestamp, newest timestamp, complete boolean"
    )
    return spark.createDataFrame(rows, columns)


def test_the_default_is_the_newest_moment_in_the_data(intake):
    assert resolve_as_of(None, intake, domain=DOMAIN) == datetime(2013, 3, 4, tzinfo=UTC)


def test_a_moment_may_be_later_than_the_data(intake):
    assert resolve_as_of("2014-01-01", intake, domain=DOMAIN) == datetime(2014, 1, 1, tzinfo=UTC)


def test_the_data_begin_when_every_event_has_rows(intake):
    assert resolve_as_of("2013-01-02", intake, domain=DOMAIN) == datetime(2013, 1, 2, tzinfo=UTC)
    with pytest.raises(PodiumError) as refused:
        resolve_as_of("2013-01-01T23:59", intake, domain=DOMAIN)

    message = str(refused.value)
    assert "as_of 2013-01-01 23:59 UTC is too early: the data of flights begin at 2013-01-02 00:00 UTC" in message
    assert "Choose a time from 2013-01-02 00:00 to 2013-03-04 00:00 UTC" in message


def test_a_run_before_the_data_begin_computes_no_features(week, new_project):
    project = new_project(week)

    with pytest.raises(PodiumError, match="is too early: the data of flights begin"):
        project.run("feature_engineering", as_of="2012-12-24")

    assert not (project.lake / "features").exists()
