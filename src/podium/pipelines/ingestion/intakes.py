"""The tables that record intakes: the row counts of each event, and the bookmarks of each source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame

# Before all data. A bronze table that is made anew has changed from here on.
from podium.domains.base import BEGINNING

__all__ = ["BEGINNING", "INTAKE_KEYS", "INTAKE_SCHEMA", "MARK_KEYS", "MARK_SCHEMA", "Intakes", "completed", "names_in"]

INTAKE_KEYS = ("event", "intake")
INTAKE_SCHEMA = (
    "event string, intake bigint, batch string, rules string, rows_in bigint, kept bigint, quarantined bigint, "
    "duplicates bigint, left_out bigint, oldest timestamp, newest timestamp, changed_from timestamp, complete boolean"
)
MARK_KEYS = ("source", "item")
MARK_SCHEMA = "source string, item string, mark string, newest timestamp, intake bigint"
TIMES = ("oldest", "newest", "changed_from")


@dataclass(frozen=True)
class Intakes:
    """The records of all intakes so far, by event.

    Attributes:
        newest: the newest record of each event.
        begun: the records of an intake that did not end: its rows may be in bronze.
        number: the number of the next intake. An intake that did not end is taken up again under its number.
    """

    newest: Mapping[str, Mapping[str, Any]]
    begun: Mapping[str, Mapping[str, Any]]
    number: int

    @classmethod
    def of(cls, seen: DataFrame | None) -> Intakes:
        """Read the table of intakes."""
        records = read(seen).to_dict("records") if seen is not None else []
        newest: dict[str, Any] = {record["event"]: record for record in records}
        begun = {name: record for name, record in newest.items() if not record["complete"]}
        last = max((record["intake"] for record in records), default=0)
        return cls(newest, begun, last if any(each["intake"] == last for each in begun.values()) else last + 1)


def read(table: DataFrame) -> pd.DataFrame:
    """All records of intakes, oldest first."""
    records = table.toPandas().sort_values(["intake", "event"], ignore_index=True)
    for name in TIMES:
        records[name] = pd.to_datetime(records[name], utc=True)
    return records


def completed(table: DataFrame) -> pd.DataFrame:
    """The records of the intakes that ended, oldest first. Of another one, bronze may hold only some rows."""
    records = read(table)
    return records[records["complete"].astype(bool)]


def names_in(schema: str) -> list[str]:
    """The names of the columns of a schema."""
    return [field.split()[0] for field in schema.split(", ")]
