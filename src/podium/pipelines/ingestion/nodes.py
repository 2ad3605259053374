"""Sources -> bronze events. Rows that break a contract go to quarantine as received, with the reason."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Domain, Event, Params
from podium.errors import PodiumError, did_you_mean
from podium.lakehouse import engine
from podium.lakehouse.batches import as_frame
from podium.lakehouse.landing import Landing
from podium.lakehouse.sources.raw import Raw
from podium.lakehouse.table import Mode, Rows, Unchanged

from .intakes import (
    BEGINNING,
    INTAKE_KEYS,
    INTAKE_SCHEMA,
    MARK_KEYS,
    MARK_SCHEMA,
    TIME_COLUMNS,
    Intakes,
    names_in,
    read,
)
from .judge import Limits, judged
from .listings import settle_listings
from .opening import Opened, open_all
from .versions import candidates, is_gone, is_new_repeat, is_rewritten, is_version, settle, settle_few

logger = logging.getLogger(__name__)

QUARANTINE_KEYS = ("event", "item", "row", "rule", "received")
NOTHING_NEW = Unchanged("the sources hold nothing new")


class IngestionParams(Params):
    """The limits on bad and late rows, and how far back bronze reaches.

    Attributes:
        max_quarantined_share: a larger share of bad rows among the new rows of an event stops the run before it writes
            to bronze.
        let_through: files or tables whose bad rows do not count for that limit. They are quarantined.
        drop: files or tables none of whose rows are to be taken in. They are all quarantined.
        from_the_beginning: sources to take in as if they were new. Rows that are in bronze already are recognised.
        max_lateness_hours: a row of a live source that arrived longer than this before the newest row that was taken in
            from there is quarantined. Null takes every row. It has no effect on sources whose rows are read again in
            each run: tables other than Delta tables.
        recent_days: bronze takes only rows that became known in this many days before the newest new row, and rows
            without a date of their own. Null takes all rows.
    """

    max_quarantined_share: float = Field(0.05, ge=0, le=1)
    let_through: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    from_the_beginning: tuple[str, ...] = ()
    max_lateness_hours: float | None = Field(None, ge=0)
    recent_days: int | None = Field(None, ge=1)


@dataclass(frozen=True)
class Judged:
    """The new rows of an event, each with the broken rule, if any. Few are an Arrow table, many a lazy frame.

    Attributes:
        rows: the columns of ``judge.judged``.
        live: whether some of them are of a live source.
    """

    rows: pa.Table | DataFrame
    live: bool

    @property
    def frame(self) -> DataFrame:
        """The rows as a lazy frame."""
        return _frame(self.rows)

    @property
    def is_good(self) -> bool:
        """Whether no row is bad, as far as that is known without computing anything."""
        return isinstance(self.rows, pa.Table) and self.rows["rule"].null_count == len(self.rows)


def open_sources(
    landing: Landing,
    parameters: Params,
    ingestion: IngestionParams,
    seen: DataFrame | None,
    marks: DataFrame | None,
    *sources: Raw,
    domain: Domain,
) -> Opened:
    """Find what is new in the sources of a domain, and which of its events are to be taken in."""
    landing.tidy()
    names = [source.name for source in domain.sources]
    for name in ingestion.from_the_beginning:
        if name not in names:
            raise PodiumError(
                f"{domain.name}.ingestion.from_the_beginning: there is no source {name!r}{did_you_mean(name, names)}"
            )
    recorded = marks.toPandas() if marks is not None else pd.DataFrame(columns=names_in(MARK_SCHEMA))
    recorded["newest"] = pd.to_datetime(recorded["newest"], utc=True)
    return open_all(
        dict(zip(names, sources, strict=True)),
        landing,
        domain,
        intakes=Intakes.of(seen),
        marks=recorded,
        given=parameters,
        settings=f"recent_days={ingestion.recent_days}",
        limits=f"drop={sorted(ingestion.drop)} max_lateness_hours={ingestion.max_lateness_hours}",
        from_the_beginning=ingestion.from_the_beginning,
    )


def judge_event(opened: Opened, landing: Landing, ingestion: IngestionParams, *, event: Event) -> Judged | Unchanged:
    """Return every new row that reports the event: as a bronze row if it is good, with the broken rule if it is bad."""
    if event.name not in opened.rows:
        return NOTHING_NEW
    raw = opened.rows[event.name]
    verdict = judged(raw, event, opened.reference, _limits(opened, ingestion, event))
    if isinstance(verdict, DataFrame):
        verdict = landing.keep(f"judged-{opened.name(event)}", verdict)
    return Judged(verdict, live=event.name in opened.live)


def _limits(opened: Opened, ingestion: IngestionParams, event: Event) -> Limits:
    newest = max((opened.newest[name] for name in event.sources if name in opened.newest), default=None)
    if ingestion.max_lateness_hours is None or newest is None or event.name in opened.anew:
        return Limits(dropped=ingestion.drop)
    return Limits(newest - timedelta(hours=ingestion.max_lateness_hours), newest, ingestion.drop)


def recent_since(parameters: IngestionParams, *verdicts: Judged | Unchanged, domain: Domain) -> dict[str, datetime]:
    """For each event whose rows have dates, the time after which a good row is recent enough. Empty if all rows are."""
    if parameters.recent_days is None:
        return {}
    good = {event: _good(verdict) for event, verdict in _judged(verdicts, domain).items() if event.dated}
    if not good:
        return {}
    newest = [frame.agg(F.max("known_at").alias("newest")) for frame in good.values()]
    last = pd.to_datetime(reduce(DataFrame.unionByName, newest).toPandas()["newest"], utc=True).max()
    if pd.isna(last):
        return {}
    since = (last - pd.Timedelta(days=parameters.recent_days)).to_pydatetime()
    return dict.fromkeys((event.name for event in good), since)


def settle_event(
    opened: Opened,
    landing: Landing,
    since: dict[str, datetime],
    verdict: Judged | Unchanged,
    bronze: DataFrame | None,
    repeats: DataFrame | None,
    *,
    event: Event,
) -> pa.Table | DataFrame | Unchanged:
    """Find the versions of facts among the good and recent rows of an event (``versions.settle``)."""
    if isinstance(verdict, Unchanged):
        return verdict
    anew = event.name in opened.anew
    taken_in = [frame for frame in (bronze, repeats) if frame is not None and not anew]
    rows = _recent(verdict, since.get(event.name)).withColumn("deleted", F.lit(False))
    rows = rows.select(*event.said, "item", "row")
    if event.absence == "deletion":
        return settle_listings(rows, event, taken_in).toArrow()
    if isinstance(verdict.rows, pa.Table):
        taken_in = [_near(frame, verdict.rows, event) for frame in taken_in]
        return settle_few(rows, event, taken_in, live=verdict.live).toArrow()
    settled = settle(candidates(rows, event, *taken_in), event, taken_in, live=verdict.live)
    return landing.keep(f"settled-{opened.name(event)}-{opened.intakes.number_of(event.name)}", settled)


def _near(taken_in: DataFrame, rows: pa.Table, event: Event) -> DataFrame:
    """The part of a table in which the facts of a few rows can be. An engine reads only the files of this part."""
    for name in event.keys:
        if pa.types.is_timestamp(rows.schema.field(name).type):
            span = pc.min_max(rows[name])
            taken_in = taken_in.filter(F.col(name).between(F.lit(span["min"].as_py()), F.lit(span["max"].as_py())))
    return taken_in


def _frame(rows: pa.Table | DataFrame) -> DataFrame:
    return as_frame(rows) if isinstance(rows, pa.Table) else rows


def _judged(verdicts: Sequence[Judged | Unchanged], domain: Domain) -> dict[Event, Judged]:
    return {
        event: verdict
        for event, verdict in zip(domain.events, verdicts, strict=True)
        if not isinstance(verdict, Unchanged)
    }


def _good(verdict: Judged) -> DataFrame:
    return verdict.frame.filter(F.col("rule").isNull())


def _recent(verdict: Judged, since: datetime | None) -> DataFrame:
    good = _good(verdict)
    return good if since is None else good.filter(F.col("known_at") > F.lit(since))


def quarantine(opened: Opened, *verdicts: Judged | Unchanged, domain: Domain) -> Rows | Unchanged:
    """Return all bad rows: the event, the file or table, the row number, the broken rule, and the row as received."""
    found = _judged(verdicts, domain)
    if not found:
        return NOTHING_NEW
    if opened.intakes.newest and all(verdict.is_good for verdict in found.values()):
        return Unchanged("no row is bad")
    bad = [
        verdict.frame.filter(F.col("rule").isNotNull()).select(
            F.lit(event.name).alias("event"), "item", "row", "rule", "received"
        )
        for event, verdict in found.items()
    ]
    return Rows(frame=reduce(DataFrame.unionByName, bad), keys=QUARANTINE_KEYS, mode=Mode.INSERT)


def count(
    opened: Opened,
    parameters: IngestionParams,
    since: dict[str, datetime],
    quarantined: DataFrame,
    *frames: Any,
    domain: Domain,
) -> pd.DataFrame:
    """Count what became of the new rows of each event; fail if an event has too many bad rows.

    ``rows_in`` = ``kept`` + ``quarantined`` + ``duplicates`` + ``left_out``, the rows that are not recent enough.
    ``deleted`` counts the facts that a listing lacks: bronze gets a version for each, but no row in is one.
    ``changed_from`` is the earliest time for which features see other facts than before, null if there is none.
    ``rewritten`` counts the rows of bronze that have another version number now. This node runs after quarantine is
    written, so that users can look at the bad rows, and before bronze is written.

    ``frames`` are the verdicts of all events, then what ``settle_event`` found.

    Raises:
        PodiumError: the share of bad rows in an event exceeds ``max_quarantined_share``.
    """
    verdicts = _judged(frames[: len(domain.events)], domain)
    if not verdicts:
        return pd.DataFrame(list(opened.intakes.begun.values()))
    settled = {event: frames[len(domain.events) + domain.events.index(event)] for event in verdicts}
    excused = (*parameters.let_through, *parameters.drop)
    counted = [
        _counted(verdict, _frame(settled[event]), event, since.get(event.name), excused)
        for event, verdict in verdicts.items()
    ]
    counts = reduce(DataFrame.unionByName, counted).toPandas()
    for column in TIME_COLUMNS:
        counts[column] = pd.to_datetime(counts[column], utc=True)
    counts.loc[counts["event"].isin(opened.anew), "changed_from"] = pd.Timestamp(BEGINNING)
    counts["duplicates"] = counts["good"] - counts["left_out"] - counts["kept"]
    for name, values in (("batch", opened.batches), ("rules", opened.rules)):
        counts[name] = counts["event"].map(dict(values))
    counts["intake"] = counts["event"].map(opened.intakes.number_of)
    _refuse_too_many(counts, parameters.max_quarantined_share, domain)
    return _continued(counts, opened.intakes.begun)


def _counted(
    verdict: Judged, settled: DataFrame, event: Event, since: datetime | None, excused: Sequence[str]
) -> DataFrame:
    """One row with the numbers of an event. One Spark action, with those of all other events."""
    good, old = F.col("rule").isNull(), F.lit(False) if since is None else F.col("known_at") <= F.lit(since)
    counts_for_limit = ~good & ~F.col("item").isin(*excused) if excused else ~good
    rows = verdict.frame.agg(
        F.count(F.lit(1)).alias("rows_in"),
        F.count(F.when(good, 1)).alias("good"),
        F.count(F.when(good & old, 1)).alias("left_out"),
        F.count(F.when(~good, 1)).alias("quarantined"),
        F.count(F.when(counts_for_limit, 1)).alias("too_bad"),
        F.min(F.when(counts_for_limit, F.col("item"))).alias("worst"),
        F.min(F.when(good & ~old, F.col("known_at"))).alias("oldest"),
        F.max(F.when(good & ~old, F.col("known_at"))).alias("newest"),
    )
    known, seen = F.col("known_at"), F.lit(True) if event.corrections == "all" else F.col("version") == 1
    changed = is_version() & (F.col("stored") != 1) | is_gone()
    is_new = is_version() & (F.col("stored") == 0)
    is_deletion = F.col("deleted") if event.absence == "deletion" else F.lit(False)
    found = settled.agg(
        F.count(F.when(is_new & ~is_deletion, known)).alias("kept"),
        F.count(F.when(is_new & is_deletion, known)).alias("deleted"),
        F.min(F.when(changed & seen, known)).alias("changed_from"),
        F.count(F.when(is_rewritten(), known)).alias("rewritten"),
        F.count(F.when(is_new_repeat(), known)).alias("repeats"),
    )
    return rows.crossJoin(found).select(F.lit(event.name).alias("event"), "*")


def _refuse_too_many(counts: pd.DataFrame, limit: float, domain: Domain) -> None:
    # A bad row of a listing would count as a deletion.
    most = {event.name: 0.0 if event.absence == "deletion" else limit for event in domain.events}
    bad = counts.assign(share=counts["too_bad"] / counts["rows_in"].clip(lower=1), most=counts["event"].map(most))
    bad = bad[bad["share"] > bad["most"]]
    for row in counts[counts["quarantined"] > 0].itertuples():
        logger.warning("%s: %d of %d rows quarantined", row.event, row.quarantined, row.rows_in)
    if len(bad):
        shares = ", ".join(
            f"{row.event} {row.share:.1%} ({row.too_bad} of {row.rows_in}, in {row.worst})" for row in bad.itertuples()
        )
        name = domain.name
        raise PodiumError(
            f"{name}: too many bad rows: {shares}; at most {bad['most'].max():.1%} is allowed. Bronze is unchanged. "
            f"The table {name}.quarantine_rows lists the bad rows. Correct the source, or raise {name}.ingestion."
            f"max_quarantined_share. Or name files: in {name}.ingestion.let_through to take in their good rows, in "
            f"{name}.ingestion.drop to take in none."
        )


def _continued(counts: pd.DataFrame, begun: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Add what a run that did not end has recorded: its rows may be in bronze, and then no longer look new."""
    for place, row in counts.iterrows():
        before = begun.get(row["event"], {})
        if before.get("batch") == row["batch"]:
            counts.loc[place, ["kept", "duplicates", "deleted"]] = [
                before[name] for name in ("kept", "duplicates", "deleted")
            ]
        counts.loc[place, "changed_from"] = pd.Series([row["changed_from"], before.get("changed_from")]).min()
    rest = pd.DataFrame([record for name, record in begun.items() if name not in {*counts["event"]}])
    return pd.concat([counts, rest], ignore_index=True) if len(rest) else counts


def begin(counts: pd.DataFrame) -> tuple[Rows | Unchanged, pd.DataFrame]:
    """Record the intake before its first row is written, so that what it changes is known even if the run fails.

    Returns the records, and ``counts`` for the nodes that write.
    """
    return NOTHING_NEW if counts.empty else _records(counts, complete=False), counts


def _records(counts: pd.DataFrame, *, complete: bool) -> Rows:
    rows = counts.assign(complete=complete)[names_in(INTAKE_SCHEMA)]
    return Rows(frame=engine.session().createDataFrame(rows, INTAKE_SCHEMA), keys=INTAKE_KEYS)


def keep(
    settled: Any, opened: Opened, counts: pd.DataFrame, repeats_are_kept: bool, *, event: Event
) -> Rows | Unchanged:
    """Return the new versions of an event's facts for bronze. Bronze only grows, unless versions came out of order.

    This node runs after the one that keeps repeats: a version that has become a repeat is always in one of the tables.
    """
    if isinstance(settled, Unchanged):
        return settled
    mine = counts.set_index("event").loc[event.name]
    rows = (
        _frame(settled)
        .filter(is_version() & (F.col("stored") != 1) | is_rewritten())
        .select(*event.said, "version", (~is_version()).alias("gone"))
    )
    same = (*event.keys, *(name for name in event.said if name not in event.keys))
    if event.name in opened.anew:
        return Rows(frame=rows.drop("gone"), mode=Mode.OVERWRITE)
    if mine["rewritten"]:
        return Rows(frame=rows, keys=same, mode=Mode.MERGE, gone="gone")
    return Rows(frame=rows.drop("gone"), keys=same, mode=Mode.INSERT)


def keep_repeats(settled: Any, opened: Opened, counts: pd.DataFrame, *, event: Event) -> tuple[Rows | Unchanged, bool]:
    """Return the repeats among an event's rows.

    They are kept because a later intake may bring a version that lies between a repeat and the version that it repeats.
    The repeat then counts as a version, too. The second value only tells later nodes that the repeats are written:
    there may be no table to load.
    """
    if isinstance(settled, Unchanged):
        return settled, True
    columns = event.said
    rows = _frame(settled).filter(is_new_repeat()).select(*columns)
    if event.name in opened.anew:
        return Rows(frame=rows, mode=Mode.OVERWRITE), True
    if not counts.set_index("event").loc[event.name, "repeats"]:
        return Unchanged("no row repeats what the version before it says"), True
    return Rows(frame=rows, keys=columns, mode=Mode.INSERT), True


def mark(opened: Opened, *written: Any) -> Rows | Unchanged:
    """Record how far each source was read, after all of its rows are written."""
    rows = [
        (source, item, mark, opened.arrived.get(source))
        for source, marks in opened.marks.items()
        for item, mark in marks.items()
    ]
    if not rows:
        return NOTHING_NEW
    frame = pd.DataFrame(rows, columns=names_in(MARK_SCHEMA))
    frame["newest"] = pd.to_datetime(frame["newest"], utc=True).astype("datetime64[us, UTC]")
    return Rows(frame=engine.session().createDataFrame(frame, MARK_SCHEMA), keys=MARK_KEYS)


def record(counts: pd.DataFrame, begun: DataFrame, marked: DataFrame) -> Rows | Unchanged:
    """Record that the intake is complete.

    If another run has begun an intake of the same event meanwhile, it has replaced the record of this one. Each of the
    two then gets a record of its own.
    """
    if counts.empty:
        return NOTHING_NEW
    now = read(begun)
    kept = counts.merge(now[["event", "intake", "batch"]], "left", on=["event", "intake"], suffixes=("", "_now"))
    mine = (kept["batch"] == kept["batch_now"]).to_numpy()
    numbers = counts["intake"].where(mine, now["intake"].max() + 1)
    return _records(counts.assign(intake=numbers), complete=True)
