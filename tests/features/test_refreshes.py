"""``refreshed`` does not depend on the time zone of the machine."""

import time
from datetime import UTC, datetime

import pytest

from podium.features.refreshes import refreshed


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
def test_refresh_times_are_utc_in_every_local_time_zone(spark, monkeypatch, zone: str) -> None:
    made = [("weather", "c0de", "{}", datetime(2013, 8, 1, 6, tzinfo=UTC))]
    rows = spark.createDataFrame(made, "table string, code string, seen string, until timestamp")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert refreshed(rows)["weather"].until == datetime(2013, 8, 1, 6, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()
