"""Check raw rows against the contract of an event. An event is a kind of row with a bronze table of its own.

The engine's workers run the checks.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.domains.base import Event
from podium.lakehouse.batches import gathered

__all__ = ["judge", "judged"]

ARROW_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
VERDICT = "row long, rule string"
NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"


def judged(raw: DataFrame, event: Event, reference: Mapping[str, Any]) -> DataFrame:
    """Check the rows of ``raw`` that report ``event``. Return bronze columns, row number, broken rule or null. Lazy."""
    schema = arrow_schema(event)

    def in_worker(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in gathered(batches):
            verdict = judge(pa.Table.from_batches([batch]), event, reference)
            yield from pa.Table.from_pandas(verdict, schema, preserve_index=False).to_batches()

    # The rows of a dump are trusted: each arrived, and was known, as soon as it became knowable.
    rows = raw.mapInArrow(in_worker, f"{event.schema}, {VERDICT}")
    knowable = F.col("available_at")
    return rows.select("*", knowable.alias("arrived_at"), knowable.alias("known_at"))


def arrow_schema(event: Event) -> pa.Schema:
    """The Arrow schema of ``judge``'s result: the event's bronze columns, the row number and the broken rule."""
    fields = [field.split() for field in f"{event.schema}, {VERDICT}".split(", ")]
    return pa.schema([(name, ARROW_TYPES[dtype]) for name, dtype in fields])


def judge(raw: pa.Table, event: Event, reference: Mapping[str, Any]) -> pd.DataFrame:
    """Check rows whose columns are all text. Return bronze columns (null if bad), row number, broken rule or None."""
    malformed = raw["malformed"].to_pandas().notna()
    claimed = event.claims(raw) | malformed
    raw = raw.filter(pa.array(claimed))
    malformed = malformed[claimed].reset_index(drop=True)
    typed, rules = _typed(raw, event.contract)
    rules[malformed] = "another number of columns than the header"
    _apply(event.contract, typed, rules)
    good = rules.isna()
    built = event.build(typed[good], reference)
    # If build() cannot derive a key or a time (for example, because a place has no known time zone), quarantine the row
    # instead of writing a null to bronze.
    known = built[[*event.keys, "available_at"]].notna().all(axis=1)
    rules[known.index[~known]] = f"{event.name}: its key or time cannot be determined"
    out = built[known].reindex(typed.index)
    out["row"], out["rule"] = raw["row"].to_pandas(), rules
    return out


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
