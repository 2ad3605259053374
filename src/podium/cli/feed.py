"""``podium feed``: play an upstream that delivers the data of a domain tick by tick."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from podium.errors import PodiumError, did_you_mean

from .options import as_json, console, env_option, examples, json_option

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["feed"]

SHARE = click.FloatRange(0, 1)


class Moment(click.ParamType):
    """A time in UTC, such as 2013-08-01T06:00."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """Parse the text."""
        from podium.pipelines.ingestion.clock import parse_moment

        try:
            return parse_moment(value, self.name)
        except PodiumError as wrong:
            self.fail(wrong.message, param, ctx)


class Span(click.ParamType):
    """A span of time, such as 10s, 15m, 1h or 1d."""

    name = "span"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        """Parse the text."""
        from podium.lakehouse.retention import time_span

        if isinstance(value, timedelta):
            return value
        try:
            return time_span(value)
        except PodiumError as wrong:
            self.fail(wrong.message, param, ctx)


@click.command(
    short_help="Play an upstream that delivers hour by hour.",
    epilog=examples(
        "podium feed flights --to data/live --from 2013-08-01 --until 2013-08-08 --pace 10s",
        "podium feed flights --to data/spoiled --from 2013-08-01 --until 2013-08-08 --late 0.02 --correct 0.01",
    ),
)
@click.argument("domain")
@click.option("--to", "folder", required=True, metavar="DIR", help="The folder to write to.")
@click.option("--from", "begin", type=Moment(), required=True, help="The beginning; what was known then is history.")
@click.option("--until", type=Moment(), required=True, help="The last moment at which a file arrives.")
@click.option("--every", type=Span(), default="1h", show_default=True, help="The time between two ticks.")
@click.option("--pace", type=Span(), default="0s", show_default=True, help="How long to wait for the next tick.")
@click.option("--late", type=SHARE, default=0.0, help="The share of rows that arrive up to three days late.")
@click.option("--duplicate", type=SHARE, default=0.0, help="The share of rows that are delivered twice.")
@click.option("--correct", type=SHARE, default=0.0, help="The share of rows that are misreported, then corrected.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed spoils the same rows.")
@env_option
@json_option
def feed(
    domain: str,
    folder: str,
    begin: datetime,
    until: datetime,
    every: timedelta,
    pace: timedelta,
    late: float,
    duplicate: float,
    correct: float,
    seed: int,
    env: str,
    wants_json: bool,
) -> None:
    """Play an upstream: write the rows of a dump tick by tick, as they would have arrived.

    The dump is the source of DOMAIN in the catalog. What was known at the beginning goes into DIR/history; from then on
    each tick writes one file for each kind of event into DIR, with the time of arrival in its name. Files that exist
    are left as they are, so that an interrupted feed can go on.
    """
    from pathlib import Path

    from podium.workbench.feed import HISTORY, Spoiled

    if until <= begin:
        raise PodiumError(f"--until ({until:%Y-%m-%d %H:%M}) must be later than --from ({begin:%Y-%m-%d %H:%M}).")
    if every <= timedelta(0):
        raise PodiumError("--every must be longer than nothing; write 1h.")
    made = _opened(domain, env, begin, every, Spoiled(late=late, duplicate=duplicate, correct=correct, seed=seed))
    out, target = console(), Path(folder)
    before = made.write_history(target)
    if not wants_json:
        out.print(f"{target / HISTORY}: {sum(before.values()):,} rows known at {begin:%Y-%m-%d %H:%M}")
    ticks = []
    for tick in made.ticks(target, until):
        ticks.append({"moment": tick.moment, "rows": tick.rows})
        if not wants_json and (pace or tick.moment.hour == 0):
            said = ", ".join(f"{name} {count}" for name, count in tick.rows.items())
            out.print(f"{tick.moment:%Y-%m-%d %H:%M}  {said or 'nothing'}", highlight=False)
        if tick.moment + every <= until:
            time.sleep(pace.total_seconds())
    if wants_json:
        as_json({"folder": str(target), "history": before, "ticks": ticks})
    else:
        rows = sum(sum(tick["rows"].values()) for tick in ticks)
        out.print(f"{target}: {rows:,} rows in {len(ticks):,} ticks up to {until:%Y-%m-%d %H:%M}")


def _opened(name: str, env: str, begin: datetime, every: timedelta, spoiled: Any) -> Any:
    """The feed of a domain, from the source that the environment's catalog names."""
    from kedro.io.catalog_config_resolver import CatalogConfigResolver

    from podium.lakehouse.sources import FilesSource
    from podium.registered import domains
    from podium.workbench.feed import Feed

    from .project import open_project

    project = open_project(env)
    known = domains()
    if name not in known:
        raise PodiumError(f"There is no domain {name!r}{did_you_mean(name, known)}. There are: {', '.join(known)}.")
    domain = known[name]
    nothing = {"{default}": {"type": "kedro.io.MemoryDataset"}}
    resolver = CatalogConfigResolver(project.section("catalog"), default_runtime_patterns=nothing)
    dump = {}
    for source in domain.sources:
        entry = dict(resolver.resolve_pattern(f"{name}.source_{source.name}"))
        if entry.pop("type", None) != f"{FilesSource.__module__.rpartition('.')[0]}.{FilesSource.__name__}":
            raise PodiumError(f"{name}.source_{source.name} is no source of files in {env}, so it cannot be played.")
        dump[source.name] = FilesSource(**entry).load().whole(source.columns)
    given = domain.event_parameters.model_validate(project.section("parameters")[name]["knowable"])
    return Feed(domain=domain, dump=dump, parameters=given, begin=begin, every=every, spoiled=spoiled)
