"""How far feature tables reach does not depend on where the machine stands."""

import time
from datetime import UTC, datetime

import pytest

from podium.features.refreshes import reached


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
def test_moments_are_utc_in_every_time_zone_of_the_machine(spark, monkeypatch, zone: str) -> None:
    rows = spark.createDataFrame([("weather", datetime(2013, 8, 1, 6, tzinfo=UTC))], "table string, until timestamp")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert reached(rows)["weather"] == datetime(2013, 8, 1, 6, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()
