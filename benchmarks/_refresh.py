"""Refresh the feature tables in a process of its own and measure that; scale.py starts it once per size.

    python benchmarks/_refresh.py ENV WARM_SOURCE SOURCE OUT [heap]

A first run on a small source starts the engine and loads the code. The second run is timed: it ingests the source and
builds all feature tables. OUT gets its seconds, the processors' busy seconds and the start time. With ``heap``, for the
driver of a Spark session, OUT also gets the driver's largest heap, measured every few seconds after a garbage
collection.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, time

import psutil

PROJECT = Path(__file__).parents[1]
EVERY = 5


def main(env: str, warm: str, source: str, out: str, *watched: str) -> None:
    from kedro.framework.session import KedroServiceSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(PROJECT)
    session = KedroServiceSession.create(project_path=PROJECT, env=env)

    def run(folder: str) -> None:
        parameters = {"flights": {"source": folder}}
        session.run(pipeline_names=["feature_engineering"], runtime_params=parameters)

    run(warm)
    print("TIMED", flush=True)
    held: list[int] = []
    began, start, busy = time(), perf_counter(), processors()
    if watched:
        with heap_watched(held):
            run(source)
    else:
        run(source)
    took = {"seconds": perf_counter() - start, "busy": processors() - busy}
    Path(out).write_text(json.dumps({**took, "began": began, "heap": max(held, default=0)}))


def processors() -> float:
    """CPU seconds of this process and its descendants, including ended ones."""
    own = psutil.Process()
    return sum(sum(each.cpu_times()[:4]) for each in [own, *own.children(recursive=True)])


@contextmanager
def heap_watched(held: list[int]) -> Iterator[None]:
    """Append the driver's used heap in bytes to ``held`` every few seconds, each after a garbage collection."""
    from podium.lakehouse import engine

    jvm, done = engine.session()._jvm, Event()

    def look() -> None:
        while not done.wait(EVERY):
            jvm.System.gc()
            runtime = jvm.Runtime.getRuntime()
            held.append(runtime.totalMemory() - runtime.freeMemory())

    watch = Thread(target=look)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
