"""``podium cluster``: a Spark cluster on this machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from podium import interrupts

from .options import as_json, console, examples, json_option

if TYPE_CHECKING:
    from podium.lakehouse.cluster_status import Application, Status

__all__ = ["cluster"]

NOT_RUNNING = 3
STORES = ("s3", "abfss", "gs")


class Memory(click.ParamType):
    """An amount such as ``2g`` or ``1500m``."""

    name = "memory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The amount as Spark wants it."""
        text = str(value).lower()
        if not (text[:-1].isdigit() and int(text[:-1]) > 0 and text[-1] in "mg"):
            self.fail(f"{value!r} is no amount of memory; write 2g or 1500m", param, ctx)
        return text


folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the cluster lives.  [default: cluster in PODIUM_DATA, or in data/ of the project]",
)


@click.group(
    short_help="A Spark cluster on this machine.",
    epilog=examples("podium cluster start", "podium cluster status", "podium cluster stop"),
)
def cluster() -> None:
    """A real Spark cluster on this machine: a master, workers, and a Spark Connect server with Delta.

    All of it listens on 127.0.0.1 only. It serves every environment that is told its address.
    """


@cluster.command(
    short_help="Start it, and say how runs find it.",
    epilog=examples("podium cluster start", "podium cluster start --workers 4 --cores 2 --memory 4g"),
)
@folder_option
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="How many workers.")
@click.option("--cores", type=click.IntRange(min=1), default=1, show_default=True, help="Cores of each worker.")
@click.option("--memory", type=Memory(), default="2g", show_default=True, help="Memory of each worker.")
@click.option("--driver-memory", type=Memory(), default="2g", show_default=True, help="Heap of the Connect server.")
@click.option("--store", type=click.Choice(STORES), multiple=True, help="Object store to bring jars for; repeatable.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=120, show_default=True, help="Seconds to wait for each step."
)
def start(
    folder: Path | None,
    workers: int,
    cores: int,
    memory: str,
    driver_memory: str,
    store: tuple[str, ...],
    timeout: float,
) -> None:
    """Start the cluster and wait until it can be used; one that runs already is left as it is.

    The first start fetches Delta's jars from Maven Central, or takes those of the folder in PODIUM_JARS.
    """
    from podium.lakehouse.cluster import Size
    from podium.lakehouse.cluster import start as start_cluster

    size = Size(workers=workers, cores=cores, memory=memory, driver_memory=driver_memory)
    with interrupts.patient():  # a start that is interrupted stops what it has started
        at = start_cluster(_folder(folder), size=size, stores=store, timeout=timeout, say=_say).addresses
    click.echo(f"The cluster runs; its page: {at.ui}. To use it:\n")
    click.echo(f"  export SPARK_REMOTE={at.connect}        # or: export PODIUM_SPARK_MASTER={at.master}")
    click.echo("  kedro run --env prod --pipelines training")


@cluster.command(
    short_help="Workers, applications, and what has died.",
    epilog=examples("podium cluster status", "podium cluster status --json"),
)
@folder_option
@json_option
def status(folder: Path | None, wants_json: bool) -> None:
    """Addresses, workers and applications, as the master knows them, and processes that have died.

    Exit code 0: all of it runs. 3: it does not run, or a part of it is gone.
    """
    from podium.lakehouse.cluster_status import status as ask

    found = ask(_folder(folder))
    if wants_json:
        as_json(asdict(found))
    else:
        _print(found)
    if not found.running:
        raise SystemExit(NOT_RUNNING)


@cluster.command(
    short_help="Stop it and remove its folder.",
    epilog=examples("podium cluster stop", "podium cluster stop --keep-logs"),
)
@folder_option
@click.option("--keep-logs", is_flag=True, help="Leave the logs in the folder.")
def stop(folder: Path | None, keep_logs: bool) -> None:
    """End all processes of the cluster and remove what it wrote into its folder, its warehouse included.

    Tables that runs wrote are elsewhere, and stay. A run that is using the cluster fails.
    """
    from podium.lakehouse.cluster import stop as stop_cluster

    where = _folder(folder)
    ended = stop_cluster(where, keep_logs=keep_logs)
    if not ended:
        click.echo(f"No cluster is running in {where}.")
    elif keep_logs:
        click.echo(f"Stopped: {ended} processes. The logs are in {where / 'logs'}.")
    else:
        click.echo(f"Stopped: {ended} processes. {where} is gone.")


def _folder(given: Path | None) -> Path:
    if given is not None:
        return given
    import os

    from podium.home import home

    return Path(home(), os.environ.get("PODIUM_DATA", "data"), "cluster").resolve()


def _say(text: str) -> None:
    click.echo(text, err=True)


def _print(found: Status) -> None:
    from rich.markup import escape
    from rich.table import Table as Grid

    out = console()
    if found.state == "stopped":
        out.print(f"No cluster is running in {escape(found.folder)}. Run: podium cluster start", soft_wrap=True)
        return
    for trouble in found.trouble:
        out.print(f"[bold red]{escape(trouble)}", soft_wrap=True)
    addresses = Grid.grid(padding=(0, 2))
    for name, value in {
        "state": found.state,
        "Spark Connect": found.connect,
        "master": found.master,
        "page": found.ui,
    }.items():
        addresses.add_row(name, value)
    out.print(addresses)
    workers = Grid("worker", "cores", "MB", "state", box=None, pad_edge=False, header_style="bold")
    for worker in found.workers:
        workers.add_row(worker.id, str(worker.cores), str(worker.memory), worker.state)
    out.print(workers)
    out.print(_applications((*found.applications, *found.completed)))


def _applications(found: tuple[Application, ...]) -> Any:
    from rich.table import Table as Grid

    grid = Grid(
        "application", "name", "state", "cores", "user", "started", box=None, pad_edge=False, header_style="bold"
    )
    for each in found:
        started = each.started.strftime("%Y-%m-%d %H:%M:%S")
        grid.add_row(each.id, each.name, each.state, str(each.cores), each.user, started)
    return grid
