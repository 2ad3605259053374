"""Refreshes feature tables up to ``as_of``: incrementally, or fully when their source data or code changed."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

import pandas as pd
from pydantic import field_validator
from pyspark.sql import DataFrame

from podium.domains.base import INSTANT, Domain, FeatureTable, Knowledge, Params
from podium.features.as_of import first_known
from podium.features.code import table_code
from podium.features.refreshes import refreshed
from podium.lakehouse import engine
from podium.lakehouse.table import Mode, Rows, Unchanged
from podium.pipelines.ingestion.clock import parse_moment
from podium.pipelines.ingestion.intakes import changed_since, completed, taken_in_so_far

logger = logging.getLogger(__name__)

REFRESH_KEYS = ("table",)
REFRESH_SCHEMA = "table string, code string, seen string, until timestamp"


class FeatureParams(Params):
    """The time from which to compute existing features again; by default, only new rows are computed."""

    recompute_from: datetime | None = None

    @field_validator("recompute_from", mode="before")
    @classmethod
    def _in_utc(cls, text: Any) -> datetime | None:
        return None if text is None else parse_moment(text, "recompute_from")


def plan(
    as_of: datetime, parameters: FeatureParams, intake: DataFrame, seen: DataFrame | None, *, domain: Domain
) -> pd.DataFrame:
    """Plan the refresh of each feature table: whether it is due, and which span of time to compute.

    A ``due`` table gets the rows after ``since`` and up to ``until``, if it can have any then. ``until`` is ``as_of``,
    and ``since`` the time up to which the table is already computed, or ``recompute_from`` if that is earlier. If facts
    have been taken in since then that were known before that time, ``since`` is just before the earliest of them. It is
    null if all rows are due, because there is no table yet, or other code computed it: ``code`` is the digest of the
    table's definition. A table that is computed again is computed as far as it had reached. ``reached`` is the time up
    to which the table is computed after the refresh; ``moved`` says whether that is another time than before, or rows
    are computed; ``again`` says whether some of the rows were computed before.
    """
    changes = completed(intake)
    earlier = refreshed(seen) if seen is not None else {}
    again = pd.Timestamp(parameters.recompute_from) if parameters.recompute_from else None
    rows, late = [], dict[pd.Timestamp, list[str]]()
    for table in domain.tables:
        code, until, before = table_code(table), pd.Timestamp(as_of), earlier.get(table.name)
        since: pd.Timestamp | None = None
        if before and before.code != code:
            until = max(until, before.until)
        elif before:
            since = before.until
            changed_from = changed_since(changes, before.seen)
            if changed_from is not None and changed_from <= since:
                late.setdefault(changed_from, []).append(table.name)
                since, until = changed_from - INSTANT, max(until, since)
        if since is not None and again is not None:
            since = min(since, again)
        due = since is None or table.next_time(since) <= until
        reached = max(until, before.until) if before else until
        moved = due or before is None or before.until < reached
        twice = before is not None and since is not None and since < before.until
        seen_now = json.dumps(taken_in_so_far(changes, table.reads))
        rows.append((table.name, code, seen_now, since, until, reached, due, moved, twice))
    for moment, names in late.items():
        logger.info(
            "Facts known from %s on were taken in late. From then on, these feature tables are computed again: %s",
            f"{moment:%Y-%m-%d %H:%M}",
            ", ".join(names),
        )
    plans = pd.DataFrame(rows, columns=["table", "code", "seen", "since", "until", "reached", "due", "moved", "again"])
    return plans.astype(dict.fromkeys(("since", "until", "reached"), "datetime64[us, UTC]"))


def withdraw(plans: pd.DataFrame, seen: DataFrame | None) -> tuple[Rows | Unchanged, pd.DataFrame]:
    """Record, before the first row is written, that tables no longer hold what their former definitions computed.

    Otherwise, after a run that fails half-way and a return to the former code, a table of both would count as current.
    Returns the records, and ``plans`` for the nodes that write.
    """
    earlier = refreshed(seen) if seen is not None else {}
    codes = plans["table"].map({name: each.code for name, each in earlier.items()})
    changed = plans[codes.notna() & (codes != plans["code"])]
    if changed.empty:
        return Unchanged("no definition has changed"), plans
    return _records(changed.assign(code="")), plans


def refresh(plans: pd.DataFrame, *bronze: DataFrame, table: FeatureTable, domain: Domain) -> Rows | Unchanged:
    """Compute the rows of one feature table from ``since`` to ``until`` of its plan, if it is due."""
    mine = plans.set_index("table").loc[table.name]
    if not mine["due"]:
        return Unchanged(f"all features up to {mine['reached']:%Y-%m-%d %H:%M} are computed already")
    since: datetime | None = None if pd.isna(mine["since"]) else mine["since"].to_pydatetime()
    until = mine["until"].to_pydatetime()
    known = first_known(dict(zip(table.reads, bronze, strict=True)), domain, until)
    rows = table.compute(Knowledge(bronze=known, since=since, until=until))
    keys = (*table.entity, "feature_time")
    if since is None:
        return Rows(frame=rows, keys=keys, mode=Mode.OVERWRITE)
    # Replace all rows of the window. A merge would keep rows that a killed run wrote and this run does not compute. Let
    # the window begin at the first possible row: engines know the last time in a file only to the millisecond, and
    # would rewrite a file that ends at ``since``.
    window = f"feature_time >= {_literal(table.next_time(since))} AND feature_time <= {_literal(until)}"
    return Rows(frame=rows, keys=keys, window=window, compared=bool(mine["again"]))


def _literal(moment: datetime) -> str:
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S.%f}'"


def record(plans: pd.DataFrame, *tables: DataFrame) -> Rows | Unchanged:
    """Record the time up to which each feature table is computed, so that the next run continues from there."""
    if not plans["moved"].any():
        return Unchanged("no feature table was due for a refresh")
    return _records(plans)


def _records(plans: pd.DataFrame) -> Rows:
    rows = plans[["table", "code", "seen", "reached"]].rename(columns={"reached": "until"})
    return Rows(frame=engine.session().createDataFrame(rows, REFRESH_SCHEMA), keys=REFRESH_KEYS)
