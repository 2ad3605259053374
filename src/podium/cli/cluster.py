"""The command ``podium cluster``: start, inspect and stop a local Spark cluster."""

from __future__ import annotations

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
    """The click type of an option that takes an amount of memory, such as ``2g`` or ``1500m``."""

    name = "memory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Validate the amount, and return it in lower case, as Spark expects it."""
        text = str(value).lower()
        if not (text[:-1].isdigit() and int(text[:-1]) > 0 and text[-1] in "mg"):
            self.fail(f"{value!r} is not an amount of memory; write for example 2g or 1500m", param, ctx)
        return text


folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The cluster's folder.  [default: cluster in PODIUM_DATA, or in data/ of the project]",
)


@click.group(
    short_help="A Spark cluster on this machine.",
    epilog=examples("podium cluster start", "podium cluster status", "podium cluster stop"),
)
def cluster() -> None:
    """A real Spark cluster on this machine: a master, workers, and a Spark Connect server with Delta.

    All processes listen on 127.0.0.1 only. podium cluster start prints the variable that makes runs in prod use the
    cluster.
    """


@cluster.command(
    short_help="Start the cluster, and print how runs use it.",
    epilog=examples("podium cluster start", "podium cluster start --workers 4 --cores 2 --memory 4g"),
)
@folder_option
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Number of workers.")
@click.option("--cores", type=click.IntRange(min=1), default=1, show_default=True, help="Cores of each worker.")
@click.option("--memory", type=Memory(), default="2g", show_default=True, help="Memory of each worker.")
@click.option(
    "--driver-memory", type=Memory(), default="2g", show_default=True, help="Heap size of the Connect server."
)
@click.option(
    "--store", type=click.Choice(STORES), multiple=True, help="Add the jars for this object store; repeatable."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=120,
    show_default=True,
    help="Seconds to wait for each step of the start.",
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
    """Start the cluster and wait until it can be used. A running cluster is left as it is.

    The first start fetches Delta's jars from Maven Central, or from the folder in PODIUM_JARS if that is set.
    """
    from podium.lakehouse.cluster import Size
    from podium.lakehouse.cluster import start as start_cluster

    size = Size(workers=workers, cores=cores, memory=memory, driver_memory=driver_memory)
    # After Ctrl-C, give start() the time to stop the processes that it has started.
    with interrupts.patient():
        at = start_cluster(_folder(folder), size=size, stores=store, timeout=timeout, say=_say).addresses
    click.echo(f"The cluster is running. Its web UI: {at.ui}. To use it:\n")
    click.echo(f"  export SPARK_REMOTE={at.connect}        # or: export PODIUM_SPARK_MASTER={at.master}")
    click.echo("  kedro run --env prod --pipelines training")


@cluster.command(
    short_help="Workers, applications, dead processes.",
    epilog=examples("podium cluster status", "podium cluster status --json"),
)
@folder_option
@json_option
def status(folder: Path | None, wants_json: bool) -> None:
    """Show the cluster's addresses, its workers and applications, and processes that have died.

    Exit code 0: the cluster is running. 3: it is stopped, or a part of it has failed.
    """
    from podium.lakehouse.cluster_status import status as ask

    found = ask(_folder(folder))
    if wants_json:
        as_json(found.model_dump())
    else:
        _print(found)
    if not found.running:
        raise SystemExit(NOT_RUNNING)


@cluster.command(
    short_help="Stop the cluster and remove its folder.",
    epilog=examples("podium cluster stop", "podium cluster stop --keep-logs"),
)
@folder_option
@click.option("--keep-logs", is_flag=True, help="Keep the log files.")
def stop(folder: Path | None, keep_logs: bool) -> None:
    """End all processes of the cluster and remove its files, including Spark's warehouse.

    The tables of the environments are stored elsewhere and remain. A run that is using the cluster fails.
    """
    from podium.lakehouse.cluster import stop as stop_cluster

    where = _folder(folder)
    ended = stop_cluster(where, keep_logs=keep_logs)
    if not ended:
        click.echo(f"No cluster is running in {where}.")
    elif keep_logs:
        click.echo(f"Stopped: {ended} processes. The logs are in {where / 'logs'}.")
    else:
        click.echo(f"Stopped: {ended} processes. {where} was removed.")


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
        "web UI": found.ui,
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
