"""The tables that record intakes: the row counts of each event, and the bookmarks of each source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame

# Before all data. A bronze table that is made anew has changed from here on.
from podium.domains.base import BEGINNING

__all__ = [
    "BEGINNING",
    "INTAKE_KEYS",
    "INTAKE_SCHEMA",
    "MARK_KEYS",
    "MARK_SCHEMA",
    "Intakes",
    "changed_since",
    "completed",
    "names_in",
    "taken_in_so_far",
]

INTAKE_KEYS = ("event", "intake")
INTAKE_SCHEMA = (
    "event string, intake bigint, batch string, rules string, rows_in bigint, kept bigint, quarantined bigint, "
    "duplicates bigint, left_out bigint, deleted bigint, oldest timestamp, newest timestamp, changed_from timestamp, "
    "complete boolean"
)
MARK_KEYS = ("source", "item")
MARK_SCHEMA = "source string, item string, mark string, newest timestamp"
TIME_COLUMNS = ("oldest", "newest", "changed_from")


@dataclass(frozen=True)
class Intakes:
    """The records of all intakes so far, by event.

    Attributes:
        newest: the newest record of each event.
        begun: the records of intakes that did not end, or have not ended yet: their rows may be in bronze.
        number: the number of the next intake.
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
        return cls(newest, begun, last + 1)

    def number_of(self, event: str) -> int:
        """The number under which rows of an event are taken in. An intake that did not end is taken up again."""
        return self.begun[event]["intake"] if event in self.begun else self.number


def read(table: DataFrame) -> pd.DataFrame:
    """All records of intakes, oldest first."""
    records = table.toPandas().sort_values(["intake", "event"], ignore_index=True)
    for name in TIME_COLUMNS:
        records[name] = pd.to_datetime(records[name], utc=True)
    return records


def completed(table: DataFrame) -> pd.DataFrame:
    """The records of the intakes that ended, oldest first. Of another one, bronze may hold only some rows."""
    records = read(table)
    return records[records["complete"].astype(bool)]


def taken_in_so_far(records: pd.DataFrame, events: Iterable[str]) -> dict[str, int]:
    """The number of the newest intake of each of these events, 0 before the first."""
    newest = records.groupby("event")["intake"].max()
    return {event: int(newest.get(event, 0)) for event in events}


def changed_since(records: pd.DataFrame, seen: Mapping[str, int]) -> pd.Timestamp | None:
    """The earliest time of facts in later intakes than ``seen``, a result of ``taken_in_so_far``. None if none is.

    Compare event by event: of two intakes at the same time, the one with the lower number may end last.
    """
    numbers = records["event"].map(seen)
    changed_from = records[records["intake"] > numbers]["changed_from"].min()
    return None if pd.isna(changed_from) else changed_from


def names_in(schema: str) -> list[str]:
    """The names of the columns of a schema."""
    return [field.split()[0] for field in schema.split(", ")]
