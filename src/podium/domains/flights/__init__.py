"""All departures from New York: timetable, departures, arrivals, cancellations, and the weather at the airports."""

from podium.domains.base import Domain

from . import misreports
from .features import TABLES
from .pictures import PICTURES
from .sources import EVENTS, SOURCES, SourceParams, reference

__all__ = ["DOMAIN"]

DOMAIN = Domain(
    name="flights",
    title="Flights from New York",
    owner="flight-operations",
    sources=SOURCES,
    events=EVENTS,
    lookups=("airports",),
    reference=reference,
    event_parameters=SourceParams,
    tables=TABLES,
    pictures=PICTURES,
    misreport={"arrival": misreports.arrival, "weather": misreports.weather},
)
