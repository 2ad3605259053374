"""The time of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame

from podium.domains.base import Domain
from podium.errors import PodiumError

from .intakes import BEGINNING, completed

__all__ = ["parse_moment", "resolve_as_of"]


def resolve_as_of(as_of: str | None, intake: DataFrame, *, domain: Domain) -> datetime:
    """Return the time of this run in UTC: the ``as_of`` parameter, or by default the newest time in the data.

    Raises:
        PodiumError: ``as_of`` is not a time or lies before the data begin, or the data hold no dates.
    """
    intakes = completed(intake)
    # Intakes before an event was taken in anew no longer count.
    anew = intakes[intakes["changed_from"] == pd.Timestamp(BEGINNING)].groupby("event")["intake"].max()
    current = intakes[intakes["intake"] >= intakes["event"].map(anew).fillna(0)]
    dated = [event.name for event in domain.events if event.dated]
    spans = current[current["event"].isin(dated)].groupby("event").agg({"oldest": "min", "newest": "max"}).dropna()
    if spans.empty:
        raise PodiumError(
            f"The sources of {domain.name} hold no rows with a date, so no run is possible. Check the entries "
            f"{domain.name}.source_… in the catalog."
        )
    begun = spans[[not domain.event(name).may_be_empty for name in spans.index]]
    begin, newest = (begun if len(begun) else spans)["oldest"].max(), spans["newest"].max()
    moment = newest if as_of is None else pd.Timestamp(parse_moment(as_of))
    if moment < begin:
        raise PodiumError(
            f"as_of {moment:%Y-%m-%d %H:%M} UTC is too early: the data of {domain.name} begin at "
            f"{begin:%Y-%m-%d %H:%M} UTC. Choose a time from {begin:%Y-%m-%d %H:%M} to {newest:%Y-%m-%d %H:%M} UTC."
        )
    return moment.to_pydatetime()


def parse_moment(text: Any, name: str = "as_of") -> datetime:
    """Parse ISO 8601 text such as 2013-08-01 or 2013-08-01T06:00 to a time in UTC; without a zone it is UTC.

    "now" is not accepted, because a run with it could not be reproduced.

    Raises:
        PodiumError: the text is not such a time. The message names the parameter, ``name``.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as wrong:
        raise PodiumError(
            f"{name} {text!r} is not a date or time; write 2013-08-01 or 2013-08-01T06:00 (UTC)."
        ) from wrong
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
