"""Play an upstream: write the rows of a dump into files tick by tick, as they would have arrived.

Everything that was known before the first tick is history, and is written into a folder of its own. The name of each
later file holds the time at which it arrives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from podium.domains.base import Domain, Event, Params
from podium.lakehouse import atomic_files
from podium.pipelines.ingestion.judge import Limits, judge

__all__ = ["HISTORY", "Feed", "Spoiled", "Tick"]

# The folder, beside the live files, of what was known before the first of them.
HISTORY = "history"
NAME = "%Y%m%dT%H%M%SZ"
# The longest delays of rows that are late, delivered again, or corrected.
LATE, AGAIN, CORRECTED = timedelta(hours=72), timedelta(hours=6), timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Spoiled:
    """How a feed spoils rows, the way real feeds do. Each share is that of the rows of an event.

    Attributes:
        late: rows that arrive up to three days after their time.
        duplicate: rows that are delivered a second time, up to six hours later.
        correct: rows that are misreported at first, and corrected up to a day later.
        seed: the same seed spoils the same rows.
    """

    late: float = 0.0
    duplicate: float = 0.0
    correct: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Tick:
    """What arrived at one moment: the number of rows in the file of each source."""

    moment: datetime
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A feed of one domain.

    Attributes:
        domain: the domain. An event is written to the last of its sources, which is its own if it has more than one.
        dump: the raw rows of each source (``lakehouse.sources.raw``), by name.
        parameters: those of the domain's events, which say when rows become knowable.
        begin: rows known up to this time are history.
        every: the time between two ticks.
        spoiled: how rows are spoiled.
    """

    domain: Domain
    dump: Mapping[str, pa.Table]
    parameters: Params
    begin: datetime
    every: timedelta
    spoiled: Spoiled

    def write_history(self, folder: Path) -> dict[str, int]:
        """Write what was known before the first tick, as one file for each source. Return the numbers of rows."""
        written = {}
        for name, rows in self._rows.items():
            known = rows[rows["_arrives"] <= self.begin]
            if len(known):
                _write(known, self.domain.source(name).columns, folder / HISTORY / f"{name}.csv")
                written[name] = len(known)
        return written

    def ticks(self, folder: Path, until: datetime) -> Iterator[Tick]:
        """Write the files of one tick after the other. Files that exist are left as they are."""
        for event in self.domain.events:
            if not event.dated:
                # A folder of live files has the lookup data, too.
                name = event.sources[-1]
                rows = self._rows[name]
                _write(rows, self.domain.source(name).columns, folder / f"{name}-{self.begin.strftime(NAME)}.csv")
        moment = self.begin + self.every
        while moment <= until:
            written = {}
            for name, by_tick in self._by_tick.items():
                if (arriving := by_tick.get(pd.Timestamp(moment))) is not None:
                    columns = self.domain.source(name).columns
                    _write(arriving, columns, folder / f"{name}-{moment.strftime(NAME)}.csv")
                    written[name] = len(arriving)
            yield Tick(moment, written)
            moment += self.every

    @cached_property
    def _rows(self) -> dict[str, pd.DataFrame]:
        """The rows of each live source as text, with the time ``_arrives``."""
        small = {name: self._raw(name).to_pandas() for name in self.domain.lookups}
        reference = self.domain.reference(small, self.parameters)
        found: dict[str, list[pd.DataFrame]] = {}
        for number, event in enumerate(self.domain.events):
            rows = self._reported(event, reference)
            if event.dated:
                rows = self._spoil(rows, event, number)
            found.setdefault(event.sources[-1], []).append(rows)
        return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}

    @cached_property
    def _by_tick(self) -> dict[str, dict[Any, pd.DataFrame]]:
        live = {name: rows[rows["_arrives"] > self.begin] for name, rows in self._rows.items()}
        return {name: dict(list(rows.groupby("_arrives"))) for name, rows in live.items()}

    def _raw(self, name: str) -> pa.Table:
        return self.dump[name].select(list(self.domain.source(name).columns))

    def _reported(self, event: Event, reference: Mapping[str, object]) -> pd.DataFrame:
        """The good rows of the dump that report an event, with the tick at which they arrive."""
        source = next(name for name in event.sources if name in self.dump and len(self.dump[name]))
        numbered = self.dump[source].set_column(
            self.dump[source].schema.get_field_index("row"), "row", pa.array(np.arange(len(self.dump[source])))
        )
        verdict = judge(numbered, event, reference, Limits())
        good = verdict[verdict["rule"].isna()]
        rows = numbered.take(pa.array(good["row"].astype("int64"))).to_pandas()
        known = pd.to_datetime(good["available_at"], utc=True).reset_index(drop=True)
        ticks = np.ceil((known - self.begin) / self.every)
        return rows.assign(_arrives=(self.begin + ticks * self.every).astype("datetime64[us, UTC]"))

    def _spoil(self, rows: pd.DataFrame, event: Event, number: int) -> pd.DataFrame:
        """Delay, repeat and misreport shares of the live rows."""
        rng = np.random.default_rng([self.spoiled.seed, number])
        live = (rows["_arrives"] > self.begin).to_numpy()
        late, again, wrong = (
            live & (rng.random(len(rows)) < share)
            for share in (self.spoiled.late, self.spoiled.duplicate, self.spoiled.correct)
        )
        out = rows.copy()
        out.loc[late, "_arrives"] += self._delays(rng, late.sum(), LATE)
        more = [out]
        if misreport := self.domain.misreport.get(event.name):
            corrected = out[wrong].copy()
            corrected["_arrives"] += self._delays(rng, wrong.sum(), CORRECTED)
            out.loc[wrong] = misreport(out[wrong].copy(), rng)
            more.append(corrected)
        copies = out[again].copy()
        copies["_arrives"] += self._delays(rng, again.sum(), AGAIN)
        return pd.concat([*more, copies], ignore_index=True)

    def _delays(self, rng: np.random.Generator, count: int, longest: timedelta) -> pd.Series:
        ticks = rng.integers(1, max(int(longest / self.every), 1) + 1, count)
        return (ticks * np.timedelta64(self.every)).astype("timedelta64[us]")  # type: ignore[return-value]


def _write(rows: pd.DataFrame, columns: Sequence[str], file: Path) -> None:
    if not file.exists():
        with atomic_files.create_once(file) as part:
            rows.to_csv(part, columns=list(columns), index=False)
