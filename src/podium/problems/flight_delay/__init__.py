"""Predicts, two hours before departure, whether a flight from New York arrives at least 15 minutes late or never."""

from podium.problems.base import Problem

from .features import TABLES
from .labels import labels
from .pictures import PICTURES
from .requests import REQUEST, requests
from .sources import EVENTS, KEYS, SOURCES, SourceParams, reference

__all__ = ["PROBLEM"]

PROBLEM = Problem(
    name="flight_delay",
    title="Late flights from New York",
    owner="flight-operations",
    keys=KEYS,
    sources=SOURCES,
    events=EVENTS,
    lookups=("airports",),
    reference=reference,
    event_parameters=SourceParams,
    tables=TABLES,
    request=REQUEST,
    requests=requests,
    request_reads=("timetable",),
    labels=labels,
    label_reads=("arrival", "cancellation"),
    categorical=("carrier", "origin", "dest"),
    slices={
        "carrier": "carrier",
        "origin": "origin",
        "hour": "cast(floor(minute_of_day / 60) as int)",
        "month": "date_format(from_utc_timestamp(scheduled_departure, 'America/New_York'), 'yyyy-MM')",
    },
    pictures=PICTURES,
)
