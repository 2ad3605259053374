"""The feature tables of the flights: their keys, owner, freshness and computation."""

from datetime import timedelta
from functools import partial

from podium.domains.base import FeatureTable

from . import arrivals, boards, departures, history, timetable_load, weather

OWNER = "flight-operations"
# A board has a row at every grid point at which at least one of its flights is in a window.
BOARD = timedelta(minutes=boards.GRID_MINUTES)


def _departures(name: str, prefix: str, entity: tuple[str, ...], whose: str) -> FeatureTable:
    return FeatureTable(
        name=f"{name}_departures",
        owner=OWNER,
        description=f"Departure board of flights {whose}.",
        entity=entity,
        freshness=BOARD,
        grid=BOARD,
        reads=("timetable", "departure", "cancellation"),
        features=departures.departure_features(prefix, whose),
        compute=partial(departures.departures, by=entity, prefix=prefix),
    )


def _arrivals(name: str, prefix: str, entity: tuple[str, ...], whose: str) -> FeatureTable:
    return FeatureTable(
        name=f"{name}_arrivals",
        owner=OWNER,
        description=f"Arrivals of flights {whose}.",
        entity=entity,
        freshness=BOARD,
        grid=BOARD,
        reads=("timetable", "departure", "arrival"),
        features=arrivals.arrival_features(prefix, whose),
        compute=partial(arrivals.arrivals, by=entity, prefix=prefix),
    )


def _history(name: str, entity: tuple[str, ...], whose: str) -> FeatureTable:
    return FeatureTable(
        name=f"{name}_history",
        owner=OWNER,
        description=f"Trailing outcomes of flights {whose}.",
        entity=entity,
        freshness=timedelta(days=28),
        every=timedelta(days=1),
        reads=("timetable", "arrival", "cancellation"),
        features=history.history_features(name, whose),
        compute=partial(history.late_rates, by=entity, prefix=name),
    )


TABLES = (
    _departures("origin", "origin", ("origin",), "from the airport"),
    _arrivals("origin", "origin", ("origin",), "from the airport"),
    _departures("carrier", "carrier", ("carrier", "origin"), "of the carrier from the airport"),
    _arrivals("carrier", "carrier", ("carrier", "origin"), "of the carrier from the airport"),
    _departures("destination", "dest", ("dest",), "to the destination"),
    _arrivals("destination", "dest", ("dest",), "to the destination"),
    _history("carrier", ("carrier", "origin"), "of the carrier from the airport"),
    _history("destination", ("dest",), "to the destination"),
    _history("flight", ("carrier", "flight", "origin"), "of this number"),
    _history("route", ("carrier", "dest"), "of the carrier to the destination"),
    _history("hour", ("origin", "local_hour"), "from the airport in this hour of the day"),
    FeatureTable(
        name="weather",
        owner=OWNER,
        description="Weather at the origin.",
        entity=("origin",),
        freshness=timedelta(hours=12),
        every=timedelta(minutes=1),
        reads=("weather",),
        features=weather.WEATHER_FEATURES,
        compute=weather.weather,
    ),
    FeatureTable(
        name="timetable_load",
        owner=OWNER,
        description="How full the timetable is around the hour of the flight.",
        entity=("origin", "slot"),
        freshness=timedelta(days=400),
        every=timedelta(hours=1),
        reads=("timetable",),
        features=timetable_load.LOAD_FEATURES,
        compute=timetable_load.timetable_load,
    ),
)
