"""Refreshes feature tables up to ``as_of``: incrementally, or fully when their source data or code changed."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

import pandas as pd
from pydantic import field_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Domain, FeatureTable, Knowledge, Params
from podium.features.as_of import all_known_at
from podium.features.code import table_code
from podium.features.refreshes import refreshed
from podium.lakehouse.table import Mode, Rows, Unchanged
from podium.pipelines.ingestion.nodes import parse_moment

REFRESH_KEYS = ("table",)
REFRESH_SCHEMA = "table string, code string, data string, until timestamp"


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

    A ``due`` table gets the rows after ``since`` and up to ``until``, which is ``as_of``. ``since`` is the time up to
    which the table is already computed, or ``recompute_from`` if that is earlier. It is null if all rows are due,
    because there is no table yet, or it was computed from other data or by other code: ``code`` is the digest of the
    table's definition. ``reached`` is the time up to which the table is computed after the refresh.
    """
    ingested = sorted(f"{row['event']}{row['source_digest']}{row['intake']}" for row in intake.collect())
    data = sha256("".join(ingested).encode()).hexdigest()[:16]
    earlier = refreshed(seen) if seen is not None else {}
    same_data = refreshed(seen.filter(F.col("data") == data)) if seen is not None else {}
    again = pd.Timestamp(parameters.recompute_from) if parameters.recompute_from else None
    rows = []
    for table in domain.tables:
        code, until = table_code(table), pd.Timestamp(as_of)
        before = same_data.get(table.name)
        stands = before.until if before and before.code == code else None
        if stands is None and table.name in earlier:
            # Other code or other data: compute all rows again, as far as the table has reached, so that no run that
            # used its later rows finds them missing.
            until = max(until, earlier[table.name].until)
        since = stands if stands is None or again is None else min(stands, again)
        due = since is None or since < until
        stands = until if stands is None else max(stands, until)
        rows.append((table.name, code, data, since, until, stands, due))
    plans = pd.DataFrame(rows, columns=["table", "code", "data", "since", "until", "reached", "due"])
    return plans.astype(dict.fromkeys(("since", "until", "reached"), "datetime64[us, UTC]"))


def refresh(plans: pd.DataFrame, *bronze: DataFrame, table: FeatureTable) -> Rows | Unchanged:
    """Compute the rows of one feature table from ``since`` to ``until`` of its plan, if it is due."""
    mine = plans.set_index("table").loc[table.name]
    if not mine["due"]:
        return Unchanged(f"all features up to {mine['reached']:%Y-%m-%d %H:%M} are computed already")
    since: datetime | None = None if pd.isna(mine["since"]) else mine["since"].to_pydatetime()
    until = mine["until"].to_pydatetime()
    known = all_known_at(dict(zip(table.reads, bronze, strict=True)), until)
    rows = table.compute(Knowledge(bronze=known, since=since, until=until))
    keys = (*table.entity, "feature_time")
    if since is None:
        return Rows(frame=rows, keys=keys, mode=Mode.OVERWRITE)
    # Replace all rows of the window. A merge would keep rows that a killed run wrote and this run does not compute.
    window = f"feature_time > {_literal(since)} AND feature_time <= {_literal(until)}"
    return Rows(frame=rows, keys=keys, window=window)


def _literal(moment: datetime) -> str:
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S.%f}'"


def record(plans: pd.DataFrame, *tables: DataFrame) -> Rows | Unchanged:
    """Record the time up to which each feature table is computed, so that the next run continues from there."""
    if not plans["due"].any():
        return Unchanged("no feature table was due for a refresh")
    rows = plans[["table", "code", "data", "reached"]].rename(columns={"reached": "until"})
    return Rows(frame=tables[0].sparkSession.createDataFrame(rows, REFRESH_SCHEMA), keys=REFRESH_KEYS)
