"""Open the sources of a domain: find what is new in each, and which events it may report."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Domain, Event
from podium.errors import PodiumError
from podium.features.code import event_code
from podium.lakehouse.batches import as_frame
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.files import short_digest
from podium.lakehouse.landing import Landing
from podium.lakehouse.sources.raw import EXTRA, Delivery, OpenedSources, Raw, raw_schema

from .intakes import BEGINNING, Intakes

__all__ = ["Opened", "open_all"]

logger = logging.getLogger(__name__)

Rows: TypeAlias = pa.Table | DataFrame


@dataclass(frozen=True)
class Opened(OpenedSources):
    """What is new in the sources, and what is needed to judge it.

    Attributes:
        rows: for each event that may have new rows, these rows as text (``lakehouse.sources.raw``).
        reference: the lookup data that the events need, such as time zones.
        rules: for each event, a digest of the code, the parameters and the lookup data that make bronze rows.
        batches: for each event of ``rows``, a digest of the rules, the limits and the bookmarks of its new rows.
        anew: the events whose rules have changed: their bronze tables are made anew from all that the sources hold.
        intakes: the records of earlier intakes.
        marks: for each source, how far its files or table are read in this intake.
        newest: for each live source, the newest time of arrival before, and ``arrived`` that of this intake.
        live: the events that may have rows of a live source.
        refused: why files were left out, by path.
        files: the files that were read, with the SHA-256 of each.
    """

    rows: Mapping[str, Rows]
    reference: Mapping[str, Any]
    rules: Mapping[str, str]
    batches: Mapping[str, str]
    anew: frozenset[str]
    intakes: Intakes
    marks: Mapping[str, Mapping[str, str]]
    newest: Mapping[str, pd.Timestamp]
    arrived: Mapping[str, pd.Timestamp]
    live: frozenset[str]
    refused: Mapping[str, str]
    files: Mapping[str, str]

    def name(self, event: Event) -> str:
        """A text that identifies the new rows of an event."""
        return f"{event.name}-{self.batches[event.name]}"


def open_all(
    sources: Mapping[str, Raw],
    landing: Landing,
    domain: Domain,
    *,
    intakes: Intakes,
    marks: pd.DataFrame,
    given: BaseModel,
    settings: str,
    limits: str,
    from_the_beginning: Sequence[str],
) -> Opened:
    """Find what is new in every source.

    Args:
        sources: the sources of the domain, by name.
        landing: where many rows are kept until they are in bronze.
        domain: the domain.
        intakes: the records of earlier intakes.
        marks: how far each source was read: source, item, mark, newest.
        given: the parameters of the domain's events.
        settings: other parameters on which all bronze rows depend, as text.
        limits: parameters that quarantine rows of this intake, as text. Other limits give another verdict on the batch.
        from_the_beginning: the sources to take in as if they were new.

    Raises:
        LakehouseError: an event has no rows, and never had any; or a source does not answer.
        PodiumError: an event is to be made anew, but files that were taken in are gone.
    """
    lookups = {name: sources[name].new(domain.source(name).columns, {}, landing) for name in domain.lookups}
    _require_lookups(domain, sources, lookups, marks)
    small = {name: _as_pandas(delivery, domain.source(name).columns) for name, delivery in lookups.items()}
    looked_up = short_digest(*[small[name].to_csv(index=False) for name in sorted(small)])
    rules = {
        event.name: short_digest(event_code(event, domain.reference), given.model_dump_json(), settings, looked_up)
        for event in domain.events
    }
    anew = frozenset(
        name for name, record in intakes.newest.items() if record["rules"] != rules.get(name) or _is_half_made(record)
    )
    seen = {
        name: dict(zip(mine["item"], mine["mark"], strict=True))
        for name, mine in marks[~marks["source"].isin(from_the_beginning)].groupby("source")
    }
    fresh = {
        source.name: lookups[source.name]
        if source.name in lookups and source.name not in seen
        else sources[source.name].new(source.columns, seen.get(source.name, {}), landing)
        for source in domain.sources
    }
    whole = {
        name: lookups.get(name) or sources[name].new(domain.source(name).columns, {}, landing)
        for event in domain.events
        if event.name in anew
        for name in event.sources
    }
    refused = {item: why for each in (*fresh.values(), *whole.values()) for item, why in each.refused.items()}
    _require_rows(domain, sources, fresh, marks, refused)
    _require_history(domain, anew, whole, marks[~marks["source"].isin(from_the_beginning)])
    chosen = {event.name: whole if event.name in anew else fresh for event in domain.events}
    for event in domain.events:
        _require_listings(event, domain, chosen[event.name])
    rows = {event.name: _together(event, domain, chosen[event.name]) for event in domain.events}
    batches = {
        event.name: short_digest(
            event.name,
            rules[event.name],
            limits,
            *[f"{item} {mark}" for name in event.sources for item, mark in chosen[event.name][name].bookmarks.items()],
        )
        for event in domain.events
    }
    # An event without rows is judged once all the same, so that its bronze table exists.
    found = {
        name: raw_schema(_columns(domain.event(name), domain)).empty_table() if each is None else each
        for name, each in rows.items()
        if each is not None or name not in intakes.newest
    }
    followed = marks[~marks["source"].isin(from_the_beginning)]
    newest = followed.dropna(subset=["newest"]).groupby("source")["newest"].max()
    return Opened(
        rows=found,
        reference=domain.reference(small, given) if found else {},
        rules=rules,
        batches=batches,
        anew=anew,
        intakes=intakes,
        # Not those of ``whole``: a file that appeared between the two listings has not been judged for every event.
        marks={name: each.bookmarks for name, each in fresh.items()},
        newest={f"{name}": moment for name, moment in newest.items()},
        arrived={name: moment for name, each in fresh.items() if (moment := _newest_arrival(each)) is not None},
        live=frozenset(
            name for name in found if any(chosen[name][source].live for source in domain.event(name).sources)
        ),
        refused=refused,
        files={path: sha for each in (*fresh.values(), *whole.values()) for path, sha in each.opened.items()},
    )


def _is_half_made(record: Mapping[str, Any]) -> bool:
    """Whether a run that was to make the bronze table of an event anew did not end."""
    return not record["complete"] and record["changed_from"] == pd.Timestamp(BEGINNING)


def _require_lookups(
    domain: Domain, sources: Mapping[str, Raw], lookups: Mapping[str, Delivery], marks: pd.DataFrame
) -> None:
    """Fail if the rows of a lookup source are gone. Without them, all bronze tables would be made anew."""
    known = {name: each for name, each in lookups.items() if name in {*marks["source"]}}
    bad = [why for each in known.values() for why in each.refused.values()]
    gone = [sources[name].missing() for name, each in known.items() if not each.bookmarks and not each.refused]
    if bad or gone:
        raise LakehouseError(
            f"The sources of {domain.name} were refused, and nothing was written, because the events need rows that "
            "are no longer there: " + "; ".join([*bad, *gone])
        )


def _require_rows(
    domain: Domain,
    sources: Mapping[str, Raw],
    fresh: Mapping[str, Delivery],
    marks: pd.DataFrame,
    refused: Mapping[str, str],
) -> None:
    """Fail if an event has no source with rows, and none had any before, unless it may be empty."""
    known = {name for name, each in fresh.items() if each.bookmarks} | {*marks["source"]}
    lacking = [event for event in domain.events if not event.may_be_empty and not known & {*event.sources}]
    if not lacking:
        for why in refused.values():
            logger.warning("%s: %s. The rest is taken in; it is tried again in the next run.", domain.name, why)
        return
    wrong = list(refused.values())
    wrong += [
        " and ".join(sources[name].missing() for name in names)
        for names in dict.fromkeys(event.sources for event in lacking)
        if not any(fresh[name].refused for name in names)
    ]
    raise LakehouseError(
        f"The sources of {domain.name} were refused, and nothing was written:\n  " + "\n  ".join(dict.fromkeys(wrong))
    )


def _require_history(domain: Domain, anew: frozenset[str], whole: Mapping[str, Delivery], marks: pd.DataFrame) -> None:
    """Fail if a bronze table is to be made anew, but files that are in it are no longer in the source."""
    for event in domain.events:
        if event.name not in anew:
            continue
        taken_in = marks[marks["source"].isin(event.sources)]
        here = {item for name in event.sources for item in whole[name].bookmarks}
        gone = [item for item in taken_in["item"] if item not in here]
        if gone:
            raise PodiumError(
                f"The rules of {domain.name}.{event.name} (code, parameters or lookup data) have changed, so that its "
                f"bronze table has to be made anew, but {len(gone)} files that were taken in are gone, such as "
                f"{gone[0]}. Nothing was written. Put them back, or return to the former rules. To give up what only "
                f"they reported: --params {domain.name}.ingestion.from_the_beginning=[{','.join(event.sources)}]"
            )


def _require_listings(event: Event, domain: Domain, deliveries: Mapping[str, Delivery]) -> None:
    """Fail if absence means deletion, but the rows of a source are no listings that each have a time."""
    for name in event.sources if event.absence == "deletion" else ():
        each = deliveries[name]
        if each.rows is not None and (each.again or not each.live):
            raise PodiumError(
                f"{domain.name}.{event.name}: a missing fact counts as deleted, so each file or commit of its source "
                f"has to list all facts of its time. {domain.name}.source_{name} gives no such time. Set arrival: live "
                'for files that are listings, or absence="nothing" for the event.'
            )


def _together(event: Event, domain: Domain, deliveries: Mapping[str, Delivery]) -> Rows | None:
    """The new rows of all sources of an event, with the columns of all of them. None without any rows."""
    parts = [deliveries[name].rows for name in event.sources]
    there = [part for part in parts if part is not None and not (isinstance(part, pa.Table) and not len(part))]
    if not there:
        return None
    wanted = _columns(event, domain)
    if all(isinstance(part, pa.Table) for part in there):
        return pa.concat_tables([_widened(part, wanted) for part in there])
    frames = [as_frame(part) if isinstance(part, pa.Table) else part for part in there]
    extra = [each.name for each in EXTRA]
    return reduce(
        DataFrame.unionByName,
        [
            frame.select(
                *[F.col(name) if name in frame.columns else F.lit(None).cast("string").alias(name) for name in wanted],
                *extra,
            )
            for frame in frames
        ],
    )


def _columns(event: Event, domain: Domain) -> list[str]:
    """The columns of all sources of an event."""
    return list(dict.fromkeys(column for name in event.sources for column in domain.source(name).columns))


def _widened(table: pa.Table, wanted: Sequence[str]) -> pa.Table:
    columns = {
        name: table[name] if name in table.column_names else pa.nulls(len(table), pa.string()) for name in wanted
    }
    return pa.table(columns | {each.name: table[each.name] for each in EXTRA})


def _newest_arrival(delivery: Delivery) -> pd.Timestamp | None:
    """The newest time of arrival of a live source's rows."""
    if not delivery.live or delivery.again or delivery.rows is None:
        return None
    if isinstance(delivery.rows, pa.Table):
        newest = pc.max(delivery.rows["known_from"]).as_py()
    else:
        newest = delivery.rows.agg(F.max("known_from")).toArrow()[0][0].as_py()
    return None if newest is None else pd.Timestamp(newest)


def _as_pandas(delivery: Delivery, columns: Sequence[str]) -> pd.DataFrame:
    """The rows of a small source, without those that say the same."""
    if delivery.rows is None:
        return pd.DataFrame(columns=list(columns), dtype=object)
    rows = delivery.rows if isinstance(delivery.rows, pa.Table) else delivery.rows.toArrow()
    whole = rows.filter(pc.is_null(rows["malformed"]))
    return whole.select(list(columns)).to_pandas().drop_duplicates(ignore_index=True)
