"""Check raw rows against the contract of an event. An event is a kind of row with a bronze table of its own.

The engine's workers run the checks.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from podium.domains.base import Event
from podium.lakehouse.batches import gathered
from podium.lakehouse.sources.raw import EXTRA

__all__ = ["Limits", "judge", "judged"]

ARROW_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
VERDICT = "item string, row long, rule string, received string, arrived_at timestamp, known_at timestamp"
NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"


@dataclass(frozen=True)
class Limits:
    """Rules about rows as such, whatever they report.

    Attributes:
        arrived_from: a live row that arrived before this time is too late to be taken in. None takes all.
        newest: the newest time of arrival before, for the message.
        dropped: the files or tables none of whose rows are taken in.
    """

    arrived_from: pd.Timestamp | None = None
    newest: pd.Timestamp | None = None
    dropped: tuple[str, ...] = field(default=())


def judged(
    raw: pa.Table | DataFrame, event: Event, reference: Mapping[str, Any], limits: Limits
) -> pa.Table | DataFrame:
    """Check the rows of ``raw`` that report ``event``. A lazy frame is checked by the engine's workers.

    Returns:
        Bronze columns, then those of ``VERDICT``: the broken rule and the row as received, both null for a good row,
        and the times of arrival and of knowledge.
    """
    schema = arrow_schema(event)
    if isinstance(raw, pa.Table):
        return pa.Table.from_pandas(judge(raw, event, reference, limits), schema, preserve_index=False)

    def in_worker(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in gathered(batches):
            verdict = judge(pa.Table.from_batches([batch]), event, reference, limits)
            yield from pa.Table.from_pandas(verdict, schema, preserve_index=False).to_batches()

    return raw.mapInArrow(in_worker, f"{event.schema}, {VERDICT}")


def arrow_schema(event: Event) -> pa.Schema:
    """The Arrow schema of ``judged``: the event's bronze columns, then those of ``VERDICT``."""
    fields = [field.split() for field in f"{event.schema}, {VERDICT}".split(", ")]
    return pa.schema([(name, ARROW_TYPES[dtype]) for name, dtype in fields])


def judge(raw: pa.Table, event: Event, reference: Mapping[str, Any], limits: Limits) -> pd.DataFrame:
    """Check an Arrow table of raw rows. Return the columns that ``judged`` describes."""
    claimed = event.claims(raw) | raw["malformed"].is_valid().to_pandas()
    raw = raw.filter(pa.array(claimed))
    malformed = raw["malformed"].is_valid().to_pandas().reset_index(drop=True)
    typed, rules = _typed(raw, event.contract)
    rules[malformed] = "another number of columns than the header"
    if malformed.any():
        # A line that cannot be split has no columns at all. Otherwise only the time of arrival cannot be read.
        columns = [name for name in raw.column_names if name not in {each.name for each in EXTRA}]
        rules[malformed & raw.select(columns).to_pandas().notna().any(axis=1)] = "its time of arrival is not a time"
    _limit(raw, limits, rules)
    _apply(event.contract, typed, rules)
    good = rules.isna()
    built = event.build(typed[good], reference)
    # If build() cannot derive a key or a time (for example, because a place has no known time zone), quarantine the row
    # instead of writing a null to bronze.
    known = built[[*event.keys, "available_at"]].notna().all(axis=1)
    rules[known.index[~known]] = f"{event.name}: its key or time cannot be determined"
    out = built[known].reindex(typed.index)
    out["item"], out["row"], out["rule"] = raw["item"].to_pandas(), raw["row"].to_pandas(), rules
    out["received"] = _received(raw, rules.notna())
    # A row of a dump arrived, and was known, as soon as it became knowable. Nothing live is known before it arrived.
    knowable = pd.to_datetime(out["available_at"], utc=True)
    live = pd.to_datetime(raw["known_from"].to_pandas(), utc=True)
    out["arrived_at"] = pd.to_datetime(raw["arrived_at"].to_pandas(), utc=True).fillna(knowable)
    out["known_at"] = knowable.where(~(live > knowable), live)
    return out


def _limit(raw: pa.Table, limits: Limits, rules: pd.Series) -> None:
    """Write into ``rules`` why rows are not taken in, whatever they report."""
    if limits.arrived_from is not None:
        arrived = pd.to_datetime(raw["known_from"].to_pandas(), utc=True)
        reached = f"{limits.newest:%Y-%m-%d %H:%M}"
        rules[arrived < limits.arrived_from] = f"arrived too late: its source had reached {reached} before"
    if limits.dropped:
        rules[raw["item"].to_pandas().isin(limits.dropped)] = "dropped by name"


def _received(raw: pa.Table, bad: pd.Series) -> pd.Series:
    """The bad rows as JSON, without their empty fields. Null for the others."""
    received = pd.Series(None, index=bad.index, dtype=object)
    places = bad.index[bad]
    own = [name for name in raw.column_names if name not in {each.name for each in EXTRA if each.name != "malformed"}]
    for place, row in zip(places, raw.select(own).take(pa.array(places)).to_pylist(), strict=True):
        values = {name: value for name, value in row.items() if value is not None}
        received[place] = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return received


def _typed(raw: pa.Table, contract: Any) -> tuple[pd.DataFrame, pd.Series]:
    """Convert text to the contract's types. Also return, for each row, the first column that cannot be converted."""
    rules = pd.Series(None, index=range(len(raw)), dtype=object)
    typed = {}
    for name, column in contract.to_schema().columns.items():
        kind = str(column.dtype)
        text = raw[name]
        if kind == "float64":
            typed[name] = _numbers(text)
        elif kind.startswith("datetime64"):
            typed[name] = pd.to_datetime(text.to_pandas(), errors="coerce", utc=True, format="ISO8601")
        else:
            typed[name] = text.to_pandas()
        failed = text.to_pandas().notna() & typed[name].isna() if len(text) else rules.notna()
        rules[failed & rules.isna()] = f"{name}: is not a {'number' if kind == 'float64' else 'time'}"
    return pd.DataFrame(typed, index=rules.index), rules


def _numbers(text: pa.ChunkedArray) -> pd.Series:
    """Convert text to numbers, and text that is no number to NaN. The rest of a batch never changes a number's bits."""
    try:
        numbers = text.cast(pa.float64())
    except pa.ArrowInvalid:
        # Arrow fails on the first text that is not a number. Set such texts to null and cast again. Don't use pandas to
        # cast them: it rounds some numbers differently from Arrow in the last bit.
        text = pc.utf8_trim_whitespace(text)
        readable = pc.match_substring_regex(text, NUMBER)
        numbers = pc.if_else(readable, text, pa.scalar(None, pa.string())).cast(pa.float64())
    found = numbers.to_pandas()
    return found.where(np.isfinite(found))


def _apply(contract: Any, typed: pd.DataFrame, rules: pd.Series) -> None:
    """Write into ``rules`` the first check that each row fails."""
    from pandera.errors import SchemaErrors

    readable = typed[rules.isna()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            contract.validate(readable, lazy=True)
    except SchemaErrors as found:
        # Put column checks before row checks: if a row fails several checks, only the first is reported, and a column
        # check is more specific.
        cases = found.failure_cases.sort_values("schema_context", kind="stable")
        cases["subject"] = cases["column"].where(cases["schema_context"] == "Column", "row")
        broken = cases[cases["index"].isna()]
        failed = cases.dropna(subset=["index"]).drop_duplicates("index")
        rules[failed["index"].astype(int)] = (failed["subject"] + ": " + failed["check"]).to_numpy()
        # A check that raised an error must not let rows through. First check again without the rows that failed another
        # check, because they may have caused the error. If the error stays, all remaining rows are bad.
        if len(broken) and len(failed):
            _apply(contract, typed, rules)
        elif len(broken):
            rules[readable.index] = f"cannot be judged: {broken['check'].iloc[0]}"
