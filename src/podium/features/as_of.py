"""What was known at a given time. Every computation as of a time uses these functions."""

from collections.abc import Mapping
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Domain, Event

__all__ = ["first_known", "known_at", "newest_known"]


def known_at(frame: DataFrame, moment: datetime, *, by: str = "known_at") -> DataFrame:
    """Keep the rows that were known at ``moment``.

    Args:
        frame: events, feature rows, requests or labels.
        moment: in UTC, inclusive.
        by: the column with the time at which a row became known.
    """
    return frame.filter(F.col(by) <= F.lit(moment))


def first_known(events: Mapping[str, DataFrame], domain: Domain, moment: datetime) -> dict[str, DataFrame]:
    """Each event's facts that were known at ``moment``, as features see them. Lazy.

    A fact has the version that was known first, so that a correction does not change what was computed before. If the
    event's ``corrections`` are ``all``, it has every version.
    """
    return {name: _first(known_at(frame, moment), domain.event(name)) for name, frame in events.items()}


def newest_known(events: Mapping[str, DataFrame], domain: Domain, moment: datetime) -> dict[str, DataFrame]:
    """Each event's facts that were known at ``moment``, each in the newest version known then. Lazy.

    A fact that was deleted then is not among them.
    """
    return {name: _newest(known_at(frame, moment), domain.event(name)) for name, frame in events.items()}


def _first(known: DataFrame, event: Event) -> DataFrame:
    return known if event.corrections == "all" else known.filter(F.col("version") == 1)


def _newest(known: DataFrame, event: Event) -> DataFrame:
    # Few facts are corrected. Look for the newest version among the corrections only: ordering all rows takes longer.
    keys, versioned = list(event.keys), F.col("version")
    values = F.struct(versioned, *[name for name in known.columns if name not in (*keys, "version")])
    corrected = known.filter(versioned > 1).groupBy(*keys).agg(F.max(values).alias("_newest"))
    facts = known.filter(versioned == 1).join(corrected, keys, "left")
    newest = F.col("_newest")
    current = facts.select(
        *[
            F.col(name) if name in keys else F.when(newest.isNull(), F.col(name)).otherwise(newest[name]).alias(name)
            for name in known.columns
        ]
    )
    return current.filter(~F.col("deleted")) if event.absence == "deletion" else current
