"""``reached`` does not depend on the time zone of the machine."""

import time
from datetime import UTC, datetime

import pytest

from podium.features.refreshes import reached


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
def test_refresh_times_are_utc_in_every_local_time_zone(spark, monkeypatch, zone: str) -> None:
    rows = spark.createDataFrame([("weather", datetime(2013, 8, 1, 6, tzinfo=UTC))], "table string, until timestamp")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert reached(rows)["weather"] == datetime(2013, 8, 1, 6, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()
