"""Source files -> bronze events. Rows that break a contract go to quarantine as received, with the reason."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from hashlib import sha256
from typing import Any

import pandas as pd
from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Domain, Event, Params
from podium.errors import PodiumError
from podium.features.code import event_code
from podium.lakehouse.landing import Landing, Source
from podium.lakehouse.table import Rows, Unchanged

from .judge import judged

logger = logging.getLogger(__name__)

QUARANTINE_KEYS = ("event", "source_digest", "row")
INTAKE_KEYS = ("event", "source_digest")
INTAKE_SCHEMA = (
    "event string, source_digest string, intake bigint, rows_in bigint, kept bigint, quarantined bigint, "
    "oldest timestamp, newest timestamp"
)


class IngestionParams(Params):
    """The limit on bad rows, and how far back bronze reaches.

    Attributes:
        max_quarantined_share: a larger share of bad rows in any event fails the run before it writes to bronze.
        recent_days: bronze takes only rows that became knowable in this many days before the newest row of the source,
            and rows without a date of their own. Null takes all rows.
    """

    max_quarantined_share: float = Field(0.05, ge=0, le=1)
    recent_days: int | None = Field(None, ge=1)


@dataclass(frozen=True)
class Opened:
    """A source whose files were checked and converted to Parquet, and what is needed to check its rows.

    Attributes:
        source: its files.
        reference: the lookup data that its events need, such as time zones.
        digests: for each event, a digest of the source bytes, the contract code and the parameters.
        done: the events that bronze already holds from this source.
        intake: the number of this intake, one more than the last.
    """

    source: Source
    reference: Mapping[str, Any]
    digests: Mapping[str, str]
    done: frozenset[str]
    intake: int


def open_source(
    landing: Landing,
    folder: str,
    parameters: Params,
    ingestion: IngestionParams,
    seen: DataFrame | None,
    *,
    domain: Domain,
) -> Opened:
    """Check that every file and column exists, convert the files to Parquet, and find the events already in bronze."""
    source = landing.open(folder, {file.name: file.columns for file in domain.sources})
    rules = parameters.model_dump_json()
    if ingestion.recent_days is not None:
        rules += f"recent_days={ingestion.recent_days}"
    digests = {
        event.name: _digest(event, source, event_code(event, domain.reference) + rules) for event in domain.events
    }
    # Sort oldest first, so that the latest intake of each event wins. A user may return to an earlier source: it is
    # ingested again, because another source came after it.
    recorded = sorted(seen.collect(), key=lambda row: row["intake"]) if seen is not None else []
    newest = {row["event"]: row["source_digest"] for row in recorded}
    done = frozenset(name for name, digest in digests.items() if newest.get(name) == digest)
    intake = recorded[-1]["intake"] + 1 if recorded else 1
    if len(done) == len(digests):
        return Opened(source, {}, digests, done, intake)
    small = {name: source.frames[name].toPandas() for name in domain.lookups}
    return Opened(source, domain.reference(small, parameters), digests, done, intake)


def _digest(event: Event, source: Source, rules: str) -> str:
    # Include the digests of all source files, not only of the event's own file: computing an event looks up values,
    # such as time zones, in other files.
    text = "".join([event.name, rules, *(source.digests[name] for name in sorted(source.digests))])
    return sha256(text.encode()).hexdigest()[:16]


def judge_event(opened: Opened, landing: Landing, *, event: Event) -> DataFrame | Unchanged:
    """Return every raw row that reports the event: as a bronze row if it is good, with the broken rule if it is bad."""
    if event.name in opened.done:
        return Unchanged("this source is already in bronze")
    raw = opened.source.frames[event.source]
    return landing.keep(f"judged-{event.name}-{opened.digests[event.name]}", judged(raw, event, opened.reference))


def quarantine(opened: Opened, *verdicts: DataFrame | Unchanged, domain: Domain) -> Rows | Unchanged:
    """Return all bad rows: the event, the row number, the broken rule, and the row as received."""
    bad = [
        _as_received(verdict, opened.source.frames[event.source]).select(
            F.lit(event.name).alias("event"),
            F.lit(opened.digests[event.name]).alias("source_digest"),
            "row",
            "rule",
            "received",
        )
        for event, verdict in zip(domain.events, verdicts, strict=True)
        if not isinstance(verdict, Unchanged)
    ]
    if not bad:
        return Unchanged("this source is already in bronze")
    return Rows(frame=reduce(DataFrame.unionByName, bad), keys=QUARANTINE_KEYS)


def _as_received(verdict: DataFrame, raw: DataFrame) -> DataFrame:
    """The bad rows: ``row``, ``rule`` and the source line as JSON, without its empty fields."""
    bad = verdict.filter(F.col("rule").isNotNull()).select("row", "rule")
    line = F.to_json(F.struct(*[name for name in raw.columns if name != "row"]))
    # Broadcast the bad rows, which are few. (If they are many, the run fails after this step.)
    return raw.join(F.broadcast(bad), "row").select("row", "rule", line.alias("received"))


def count(
    opened: Opened,
    parameters: IngestionParams,
    quarantined: DataFrame,
    *verdicts: DataFrame | Unchanged,
    domain: Domain,
) -> pd.DataFrame:
    """Count the rows read, kept and quarantined for each event; fail if an event has too many bad rows.

    Good rows older than ``recent_days`` are not kept: the column ``since`` holds the time after which an event's rows
    are kept, null to keep them all. This node runs after quarantine is written, so that users can look at the bad rows,
    and before bronze is written.

    Raises:
        PodiumError: the share of bad rows in an event exceeds ``max_quarantined_share``.
    """
    judged = {
        event.name: verdict
        for event, verdict in zip(domain.events, verdicts, strict=True)
        if not isinstance(verdict, Unchanged)
    }
    if not judged:
        return pd.DataFrame()
    since: dict[str, datetime] = {}
    if parameters.recent_days is not None:
        since = _since({name: _good(verdict) for name, verdict in judged.items()}, parameters.recent_days)
    counted = [
        _counted(verdict, since.get(name)).select(
            F.lit(name).alias("event"),
            F.lit(opened.digests[name]).alias("source_digest"),
            F.lit(opened.intake).cast("long").alias("intake"),
            "*",
        )
        for name, verdict in judged.items()
    ]
    counts = reduce(DataFrame.unionByName, counted).toPandas()
    counts["since"] = pd.to_datetime(counts["event"].map(since), utc=True)
    _refuse_too_many(counts, parameters.max_quarantined_share, domain.name)
    return counts


def _good(verdict: DataFrame) -> DataFrame:
    return verdict.filter(F.col("rule").isNull())


def _since(good: Mapping[str, DataFrame], recent_days: int) -> dict[str, datetime]:
    """For each event whose rows have dates, the time after which a row counts as recent."""
    spans = reduce(DataFrame.unionByName, [_span(frame, name) for name, frame in good.items()]).toPandas()
    dated = _dated(spans)
    if dated.empty:
        return {}
    since = (dated["newest"].max().tz_localize("UTC") - pd.Timedelta(days=recent_days)).to_pydatetime()
    return dict.fromkeys(dated["event"], since)


def _span(frame: DataFrame, event: str) -> DataFrame:
    known = F.col("available_at")
    return frame.agg(F.lit(event).alias("event"), F.min(known).alias("oldest"), F.max(known).alias("newest"))


def _dated(spans: pd.DataFrame) -> pd.DataFrame:
    """Drop events without dates of their own, such as lists of places: their rows have the same ``available_at``."""
    return spans[spans["oldest"] != spans["newest"]].dropna()


def _counted(verdict: DataFrame, since: datetime | None) -> DataFrame:
    kept = F.col("rule").isNull()
    if since is not None:
        kept &= F.col("available_at") > F.lit(since)
    return verdict.agg(
        F.count("row").alias("rows_in"),
        F.count(F.when(kept, F.col("row"))).alias("kept"),
        F.count("rule").alias("quarantined"),
        F.min(F.when(kept, F.col("available_at"))).alias("oldest"),
        F.max(F.when(kept, F.col("available_at"))).alias("newest"),
    )


def _refuse_too_many(counts: pd.DataFrame, most: float, domain: str) -> None:
    bad = counts.assign(share=counts["quarantined"] / counts["rows_in"].clip(lower=1))
    bad = bad[bad["share"] > most]
    for row in counts[counts["quarantined"] > 0].itertuples():
        logger.warning("%s: %d of %d rows quarantined", row.event, row.quarantined, row.rows_in)
    if len(bad):
        shares = ", ".join(
            f"{row.event} {row.share:.1%} ({row.quarantined} of {row.rows_in})" for row in bad.itertuples()
        )
        raise PodiumError(
            f"{domain}: too many bad rows: {shares}; at most {most:.1%} is allowed. Bronze is unchanged. The table "
            f"{domain}.quarantine_rows lists the bad rows. Correct the source, or raise {domain}.ingestion."
            "max_quarantined_share."
        )


def keep(verdict: DataFrame | Unchanged, counts: pd.DataFrame, *, event: Event) -> Rows | Unchanged:
    """Return the good rows of one event for bronze, without rows older than the parameter ``recent_days`` allows."""
    if isinstance(verdict, Unchanged):
        return verdict
    good = _good(verdict).drop("row", "rule")
    since: Any = counts.set_index("event").loc[event.name, "since"]
    if not pd.isna(since):
        good = good.filter(F.col("available_at") > F.lit(since.to_pydatetime()))
    return Rows(frame=good, keys=event.keys)


def record(counts: pd.DataFrame, *bronze: DataFrame) -> Rows | Unchanged:
    """Record which events of this source bronze now holds completely, so that a later run skips them."""
    if counts.empty:
        return Unchanged("this source is already in bronze")
    counts = counts.drop(columns="since")
    for column in ("oldest", "newest"):
        counts[column] = pd.to_datetime(counts[column], utc=True)
    return Rows(frame=bronze[0].sparkSession.createDataFrame(counts, INTAKE_SCHEMA), keys=INTAKE_KEYS)


def resolve_as_of(as_of: str | None, intake: DataFrame, *, domain: Domain) -> datetime:
    """Return the time of this run in UTC: the ``as_of`` parameter, or by default the newest time in the data.

    Raises:
        PodiumError: ``as_of`` is not a time or lies before the data begin, or the data hold no dates.
    """
    spans = intake.groupBy("event").agg(F.min("oldest").alias("oldest"), F.max("newest").alias("newest")).toPandas()
    dated = _dated(spans)
    if dated.empty:
        raise PodiumError(
            f"The source of {domain.name} holds no rows with a date, so no run is possible. Check the parameter "
            f"{domain.name}.source."
        )
    begin, newest = (pd.Timestamp(t).tz_localize("UTC") for t in (dated["oldest"].max(), dated["newest"].max()))
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
