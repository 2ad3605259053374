"""Source files -> bronze events. Rows that break a contract go to quarantine as received, with the reason."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
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
from podium.lakehouse.table import Mode, Rows, Unchanged

from .judge import judged
from .versions import CORRECTION, candidates, is_new_repeat, is_rewritten, is_version, settle

logger = logging.getLogger(__name__)

QUARANTINE_KEYS = ("event", "source_digest", "row")
INTAKE_KEYS = ("event", "intake")
INTAKE_SCHEMA = (
    "event string, intake bigint, source_digest string, rules string, rows_in bigint, kept bigint, quarantined bigint, "
    "duplicates bigint, left_out bigint, oldest timestamp, newest timestamp, changed_from timestamp"
)
# Before all data. A table that is made anew has changed from here on.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


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
        digests: for each event, a digest of the source bytes and of the rules.
        rules: for each event, a digest of the code and the parameters that turn source rows into bronze rows.
        done: the events that bronze already holds from this source.
        anew: the events whose rules have changed, so that their bronze tables are made anew.
        intake: the number of this intake, one more than the last.
    """

    source: Source
    reference: Mapping[str, Any]
    digests: Mapping[str, str]
    rules: Mapping[str, str]
    done: frozenset[str]
    anew: frozenset[str]
    intake: int

    def name(self, event: Event) -> str:
        """A text that identifies an event's rows in this intake."""
        return f"{event.name}-{self.digests[event.name]}"


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
    given = f"{parameters.model_dump_json()} recent_days={ingestion.recent_days}"
    rules = {event.name: _digest(event_code(event, domain.reference), given) for event in domain.events}
    # Include the digests of all source files, not only of the event's own file: computing an event looks up values,
    # such as time zones, in other files.
    files = [source.digests[name] for name in sorted(source.digests)]
    digests = {event.name: _digest(event.name, rules[event.name], *files) for event in domain.events}
    # Sort oldest first, so that the latest intake of each event wins. A user may return to an earlier source: it is
    # ingested again, because another source came after it.
    recorded = sorted(seen.collect(), key=lambda row: row["intake"]) if seen is not None else []
    newest = {row["event"]: row for row in recorded}
    done = frozenset(
        name for name, digest in digests.items() if name in newest and newest[name]["source_digest"] == digest
    )
    anew = frozenset(name for name, row in newest.items() if row["rules"] != rules.get(name))
    intake = recorded[-1]["intake"] + 1 if recorded else 1
    if done == digests.keys():
        return Opened(source, {}, digests, rules, done, anew, intake)
    small = {name: source.frames[name].toPandas() for name in domain.lookups}
    return Opened(source, domain.reference(small, parameters), digests, rules, done, anew, intake)


def _digest(*parts: str) -> str:
    return sha256("".join(parts).encode()).hexdigest()[:16]


def judge_event(opened: Opened, landing: Landing, *, event: Event) -> DataFrame | Unchanged:
    """Return every raw row that reports the event: as a bronze row if it is good, with the broken rule if it is bad."""
    if event.name in opened.done:
        return Unchanged("this source is already in bronze")
    raw = opened.source.frames[event.source]
    return landing.keep(f"judged-{opened.name(event)}", judged(raw, event, opened.reference))


def recent_since(parameters: IngestionParams, *verdicts: DataFrame | Unchanged, domain: Domain) -> dict[str, datetime]:
    """For each event whose rows have dates, the time after which a good row is recent enough. Empty if all rows are."""
    if parameters.recent_days is None:
        return {}
    good = {event: _good(verdict) for event, verdict in _judged(verdicts, domain).items()}
    if not good:
        return {}
    spans = reduce(DataFrame.unionByName, [_span(frame, event.name) for event, frame in good.items()]).toPandas()
    dated = _dated(spans)
    if dated.empty:
        return {}
    since = (dated["newest"].max().tz_localize("UTC") - pd.Timedelta(days=parameters.recent_days)).to_pydatetime()
    return dict.fromkeys(dated["event"], since)


def settle_event(
    opened: Opened,
    landing: Landing,
    since: dict[str, datetime],
    verdict: DataFrame | Unchanged,
    bronze: DataFrame | None,
    repeats: DataFrame | None,
    *,
    event: Event,
) -> DataFrame | Unchanged:
    """Find the versions of facts among the good and recent rows of an event (``versions.settle``)."""
    if isinstance(verdict, Unchanged):
        return verdict
    anew = event.name in opened.anew
    taken_in = [frame for frame in (bronze, repeats) if frame is not None and not anew]
    fresh = candidates(_recent(verdict, since.get(event.name)).drop("row", "rule"), event, *taken_in)
    # Keep the result: a run that is killed while it writes bronze is repeated, and must then count the same rows.
    return landing.keep(f"settled-{opened.name(event)}-{opened.intake}", settle(fresh, event, taken_in))


def _judged(verdicts: Sequence[DataFrame | Unchanged], domain: Domain) -> dict[Event, DataFrame]:
    return {
        event: verdict
        for event, verdict in zip(domain.events, verdicts, strict=True)
        if not isinstance(verdict, Unchanged)
    }


def _good(verdict: DataFrame) -> DataFrame:
    return verdict.filter(F.col("rule").isNull())


def _recent(verdict: DataFrame, since: datetime | None) -> DataFrame:
    good = _good(verdict)
    return good if since is None else good.filter(F.col("known_at") > F.lit(since))


def _span(frame: DataFrame, event: str) -> DataFrame:
    known = F.col("known_at")
    return frame.agg(F.lit(event).alias("event"), F.min(known).alias("oldest"), F.max(known).alias("newest"))


def _dated(spans: pd.DataFrame) -> pd.DataFrame:
    """Drop events without dates of their own, such as lists of places: their rows have the same ``known_at``."""
    return spans[spans["oldest"] != spans["newest"]].dropna()


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
    since: dict[str, datetime],
    quarantined: DataFrame,
    *frames: DataFrame | Unchanged,
    domain: Domain,
) -> pd.DataFrame:
    """Count what became of the rows of each event; fail if an event has too many bad rows.

    ``rows_in`` = ``kept`` + ``quarantined`` + ``duplicates`` + ``left_out``, the rows that are not recent enough.
    ``changed_from`` is the earliest time for which features see other facts than before, null if there is none.
    ``rewritten`` counts the rows of bronze that are versions of another kind now. This node runs after quarantine is
    written, so that users can look at the bad rows, and before bronze is written.

    ``frames`` are the verdicts of all events, then what ``settle_event`` found.

    Raises:
        PodiumError: the share of bad rows in an event exceeds ``max_quarantined_share``.
    """
    judged = _judged(frames[: len(domain.events)], domain)
    settled = _judged(frames[len(domain.events) :], domain)
    if not judged:
        return pd.DataFrame()
    counted = [_counted(verdict, settled[event], event, since.get(event.name)) for event, verdict in judged.items()]
    counts = reduce(DataFrame.unionByName, counted).toPandas()
    for column in ("oldest", "newest", "changed_from"):
        counts[column] = pd.to_datetime(counts[column], utc=True)
    counts.loc[counts["event"].isin(opened.anew), "changed_from"] = pd.Timestamp(BEGINNING)
    counts["duplicates"] = counts["good"] - counts["left_out"] - counts["kept"]
    for name, values in (("source_digest", opened.digests), ("rules", opened.rules)):
        counts[name] = counts["event"].map(dict(values))
    counts["intake"] = opened.intake
    _refuse_too_many(counts, parameters.max_quarantined_share, domain.name)
    return counts


def _counted(verdict: DataFrame, settled: DataFrame, event: Event, since: datetime | None) -> DataFrame:
    """One row with the numbers of an event. One Spark action, with those of all other events."""
    good, old = F.col("rule").isNull(), F.lit(False) if since is None else F.col("known_at") <= F.lit(since)
    rows = verdict.agg(
        F.count("row").alias("rows_in"),
        F.count(F.when(good, F.col("row"))).alias("good"),
        F.count(F.when(good & old, F.col("row"))).alias("left_out"),
        F.count("rule").alias("quarantined"),
    )
    kept, seen = F.col("known_at"), ("first", "correction") if event.corrections == "all" else ("first",)
    is_new = is_version() & (F.col("stored") == 0)
    changes = F.col("role").isin(*seen) & (F.col("stored") != 1)
    found = settled.agg(
        F.count(F.when(is_new, kept)).alias("kept"),
        F.min(F.when(is_new, kept)).alias("oldest"),
        F.max(F.when(is_new, kept)).alias("newest"),
        F.min(F.when(changes, kept)).alias("changed_from"),
        F.count(F.when(is_rewritten(), kept)).alias("rewritten"),
        F.count(F.when(is_new_repeat(), kept)).alias("repeats"),
    )
    return rows.crossJoin(found).select(F.lit(event.name).alias("event"), "*")


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


def keep(settled: DataFrame | Unchanged, opened: Opened, counts: pd.DataFrame, *, event: Event) -> Rows | Unchanged:
    """Return the new versions of an event's facts for bronze. Bronze only grows, unless versions came out of order."""
    if isinstance(settled, Unchanged):
        return settled
    mine = counts.set_index("event").loc[event.name]
    version = F.col("role") == CORRECTION
    rows = settled.filter(is_version() & (F.col("stored") != 1) | is_rewritten()).select(
        *_columns(event), version.alias("is_correction"), (~is_version()).alias("gone")
    )
    same = (*event.keys, *(name for name in _columns(event) if name not in event.keys))
    if event.name in opened.anew:
        return Rows(frame=rows.drop("gone"), mode=Mode.OVERWRITE)
    if mine["rewritten"]:
        return Rows(frame=rows, keys=same, mode=Mode.MERGE, gone="gone")
    return Rows(frame=rows.drop("gone"), keys=same, mode=Mode.INSERT)


def keep_repeats(settled: DataFrame | Unchanged, counts: pd.DataFrame, *, event: Event) -> Rows | Unchanged:
    """Return the repeats among an event's rows. A repeat becomes a version if another version comes before it later."""
    if isinstance(settled, Unchanged):
        return settled
    if not counts.set_index("event").loc[event.name, "repeats"]:
        return Unchanged("no row repeats what the version before it says")
    columns = _columns(event)
    return Rows(frame=settled.filter(is_new_repeat()).select(*columns), keys=tuple(columns), mode=Mode.INSERT)


def _columns(event: Event) -> list[str]:
    """The columns of a version, without ``is_correction``."""
    return [*event.columns, "arrived_at", "known_at"]


def record(counts: pd.DataFrame, *bronze: DataFrame) -> Rows | Unchanged:
    """Record which events of this source bronze now holds completely, so that a later run skips them."""
    if counts.empty:
        return Unchanged("this source is already in bronze")
    rows = counts[[field.split()[0] for field in INTAKE_SCHEMA.split(", ")]]
    return Rows(frame=bronze[0].sparkSession.createDataFrame(rows, INTAKE_SCHEMA), keys=INTAKE_KEYS)


def resolve_as_of(as_of: str | None, intake: DataFrame, *, domain: Domain) -> datetime:
    """Return the time of this run in UTC: the ``as_of`` parameter, or by default the newest time in the data.

    Raises:
        PodiumError: ``as_of`` is not a time or lies before the data begin, or the data hold no dates.
    """
    intakes = intake.select("event", "intake", "rules", "oldest", "newest").toPandas().sort_values("intake")
    # An event whose rules changed was taken in anew: its earlier intakes no longer count.
    current = intakes[intakes["rules"] == intakes.groupby("event")["rules"].transform("last")]
    spans = current.groupby("event").agg({"oldest": "min", "newest": "max"}).reset_index()
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
