"""A job whose tasks are Python code. ``python -m tests.jobs.quick FOLDER CODE`` runs it in a separate process."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from podium.jobs import running
from podium.jobs.definition import Task
from podium.jobs.state import Run, TaskState, alone
from podium.jobs.task_order import ResolvedTask

__all__ = ["job"]


def job(codes: dict[str, str], *, retries: int = 0, timeout: float | None = None) -> tuple[Run, list[ResolvedTask]]:
    steps = [
        ResolvedTask(
            task=Task(name=name, pipelines=("eda",)),
            depends_on=(),
            compute=None,
            retries=retries,
            retry_after=timedelta(milliseconds=10),
            timeout=timeout and timedelta(seconds=timeout),
        )
        for name in codes
    ]
    commands = {name: [code] for name, code in codes.items()}
    states = {name: TaskState() for name in codes}
    return Run(job="mine", env="dev", started=datetime.now(UTC), commands=commands, tasks=states), steps


if __name__ == "__main__":
    running.PODIUM = (sys.executable, "-c")
    where, code = Path(sys.argv[1]), sys.argv[2]
    try:
        with alone(where, "mine") as held:
            running.run_job(*job({"long": code, "after": "pass"}), where, lock=held, say=print)
    except running.StoppedError as stopped:
        sys.stdout.write(f"{stopped.message}\n")
        sys.exit(stopped.exit_code)
