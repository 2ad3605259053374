"""Predicts, two hours before departure, whether a flight from New York arrives at least 15 minutes late or never."""

from podium.domains.flights import DOMAIN
from podium.domains.flights.columns import KEYS
from podium.problems.base import Problem

from .labels import labels
from .requests import REQUEST, requests

__all__ = ["PROBLEM"]

PROBLEM = Problem(
    name="flight_delay",
    title="Late flights from New York",
    owner="flight-operations",
    domain=DOMAIN,
    keys=KEYS,
    uses=(
        "origin_departures",
        "origin_arrivals",
        "carrier_departures",
        "carrier_arrivals",
        "destination_departures",
        "destination_arrivals",
        "carrier_history",
        "destination_history",
        "flight_history",
        "route_history",
        "hour_history",
        "weather",
        "timetable_load",
    ),
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
)
