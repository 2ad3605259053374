"""Data that arrive hour by hour, late, twice, in another order or corrected give what they give in one go."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from podium.domains.flights import DOMAIN
from podium.domains.flights.sources import SourceParams
from podium.lakehouse.sources.files import FilesSource
from podium.workbench.feed import HISTORY, NAME, Feed, Spoiled
from tests.bits import assert_same_rows, differences, table_keys
from tests.conftest import Project
from tests.flights import KEYS
from tests.pipelines.life import AS_OF

BEGIN = datetime.fromisoformat(AS_OF).replace(tzinfo=UTC)
SPOILED = Spoiled(late=0.1, duplicate=0.1, correct=0.2, seed=3)
TABLE_KEYS = table_keys(DOMAIN)
BRONZE = [name for name in TABLE_KEYS if name.startswith("bronze/")]
FEATURES = [name for name in TABLE_KEYS if name.startswith("features/") and "refreshes" not in name]
LOG_KEYS = [*KEYS, "prediction_time", "model_version"]
UTC_ZONES = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")


@dataclass(frozen=True)
class Span:
    """The time that is lived: until when, and in what steps."""

    end: datetime
    every: timedelta


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(Span(BEGIN + timedelta(days=1), timedelta(hours=4)), id="day"),
        pytest.param(Span(BEGIN + timedelta(days=7), timedelta(hours=1)), id="week", marks=pytest.mark.faults),
    ],
)
def span(request) -> Span:
    return request.param


@pytest.fixture(scope="module")
def upstream(span, small, write_source, tmp_path_factory, spark) -> Path:
    """The files of a spoiled feed, and its history."""
    dump = write_source(small, tmp_path_factory.mktemp("dump"))
    rows = {s.name: FilesSource(path=str(dump), pattern=f"{s.name}*").load().whole(s.columns) for s in DOMAIN.sources}
    parameters = SourceParams(time_zones=UTC_ZONES)
    folder = tmp_path_factory.mktemp("upstream")
    feed = Feed(domain=DOMAIN, dump=rows, parameters=parameters, begin=BEGIN, every=span.every, spoiled=SPOILED)
    feed.write_history(folder)
    assert sum(sum(tick.rows.values()) for tick in feed.ticks(folder, span.end)) > 200
    return folder


@pytest.fixture(scope="module")
def begun(upstream, tmp_path_factory, deployed) -> Project:
    """A project with a champion, which knows the history and nothing that came after it."""
    data = tmp_path_factory.mktemp("begun") / "data"
    shutil.copytree(deployed, data, ignore=shutil.ignore_patterns("flights"))
    project = Project(data, upstream / HISTORY)
    project.run("feature_engineering", as_of=AS_OF)
    return project


@pytest.fixture(scope="module")
def copy(begun, tmp_path_factory) -> Callable[[], Project]:
    """Return a function that copies that project, with an empty folder as its source."""

    def make() -> Project:
        home = tmp_path_factory.mktemp("copy")
        shutil.copytree(begun.data, home / "data")
        (home / "source").mkdir()
        return Project(home / "data", home / "source")

    return make


def arrival(path: Path) -> datetime:
    return datetime.strptime(re.search(r"\d{8}T\d{6}Z", path.name)[0], NAME).replace(tzinfo=UTC)


def files(upstream: Path) -> list[Path]:
    return sorted(upstream.glob("*.csv"), key=lambda path: (arrival(path), path.name))


def take_in(project: Project, paths: list[Path], *stages: str, as_of: datetime, **options) -> None:
    for path in paths:
        shutil.copy2(path, project.source)
    for stage in stages:
        project.run(stage, as_of=f"{as_of:%Y-%m-%dT%H:%M:%S}", **({"flights__arrival": "live"} | options))


def log(project: Project) -> pd.DataFrame:
    return project.table("predictions/log").drop(columns="scored_at")


def assert_same_tables(one: Project, other: Project, names=(*BRONZE, *FEATURES)) -> None:
    for name in names:
        assert_same_rows(one.table(name), other.table(name), keys=TABLE_KEYS[name])


@pytest.fixture(scope="module")
def at_once(span, upstream, copy) -> Project:
    """Everything taken in and scored in one go, at the end."""
    project = copy()
    take_in(project, files(upstream), "feature_engineering", "inference", as_of=span.end)
    return project


@pytest.fixture(scope="module")
def by_the_hour(span, upstream, copy) -> tuple[Project, dict[datetime, dict[str, pd.DataFrame]]]:
    """Each tick taken in and scored as it arrived, and all features as they were on the way."""
    project, seen = copy(), {}
    moment = BEGIN
    take_in(project, [path for path in files(upstream) if arrival(path) == BEGIN], as_of=BEGIN)
    while moment < span.end:
        moment += span.every
        arrived = [path for path in files(upstream) if arrival(path) == moment]
        take_in(project, arrived, "feature_engineering", "inference", as_of=moment)
        if len(seen) * (span.end - BEGIN) / 3 < moment - BEGIN:
            seen[moment] = {name: project.table(name) for name in FEATURES}
    return project, seen


@pytest.fixture(scope="module")
def examples(span, by_the_hour) -> pd.DataFrame:
    """The training set as of the end."""
    project, _ = by_the_hour
    moment = f"{span.end:%Y-%m-%dT%H:%M:%S}"
    project.run("training", to_outputs=("flight_delay.training_sets_examples",), as_of=moment)
    examples = project.table("training_sets/examples")
    return examples[examples["as_of"] == pd.Timestamp(span.end)]


def test_what_is_served_is_what_is_computed_in_one_go(by_the_hour, at_once):
    project, _ = by_the_hour

    assert_same_tables(project, at_once)
    assert len(log(project)) > 50
    assert_same_rows(log(project), log(at_once), keys=LOG_KEYS)


def test_a_feature_row_is_never_changed_by_what_arrives_later(by_the_hour):
    project, seen = by_the_hour

    assert len(seen) > 2
    for moment, tables in seen.items():
        for name, before in tables.items():
            after = project.table(name)
            assert_same_rows(before, after[after["feature_time"] <= moment], keys=TABLE_KEYS[name])


def test_a_source_that_is_trusted_wrongly_is_a_leak_that_these_tests_catch(span, upstream, copy, at_once):
    project = copy()
    take_in(project, files(upstream), "feature_engineering", as_of=span.end, flights__arrival="history")

    changed = [name for name in FEATURES if differences(project.table(name), at_once.table(name), TABLE_KEYS[name])]
    assert {"features/origin_departures", "features/origin_arrivals", "features/weather"} <= {*changed}


def test_the_training_set_has_the_features_that_were_served(by_the_hour, examples):
    project, _ = by_the_hour
    both = log(project).merge(examples, on=[*KEYS, "prediction_time"], suffixes=("", "_trained"))

    assert len(both) > 30
    compared = [name for name in both if f"{name}_trained" in both]
    assert len(compared) > 100
    for name in compared:
        one, other = both[name], both[f"{name}_trained"]
        assert ((one == other) | (one.isna() & other.isna())).all(), name


def test_labels_take_corrections(by_the_hour, examples):
    """A corrected arrival has the label of the dump, whose values are the corrected ones."""
    project, _ = by_the_hour
    arrivals = project.table("bronze/arrival")
    corrected = arrivals[(arrivals["version"] > 1) & arrivals["arr_delay"].notna()]
    first = arrivals[arrivals["version"] == 1].merge(corrected[KEYS], on=KEYS)
    assert len(corrected) > 3
    assert ((first["arr_delay"] >= 15).to_numpy() != (corrected["arr_delay"] >= 15).to_numpy()).any()
    labels = corrected.merge(examples, on=KEYS)
    assert len(labels) > 3
    np.testing.assert_array_equal(labels["label"], (labels["arr_delay"] >= 15).astype(int))


def test_the_order_of_intake_does_not_matter(span, upstream, copy, at_once):
    """Files come in at random, some of them a second time, with features computed in between."""
    project, order = copy(), [path for path in files(upstream) if arrival(path) > BEGIN]
    take_in(project, [path for path in files(upstream) if arrival(path) == BEGIN], as_of=span.end)
    random.Random(7).shuffle(order)
    third = len(order) // 3
    for batch in (order[:third], order[third : 2 * third], order[2 * third :]):
        take_in(project, batch, "feature_engineering", as_of=span.end)
    arrivals = next(path for path in order if path.name.startswith("arrivals"))
    shutil.copy2(arrivals, project.source / arrivals.name.replace("arrivals", "arrivals-again"))
    take_in(project, [], "feature_engineering", "inference", as_of=span.end)

    assert_same_tables(project, at_once)
    assert_same_rows(log(project), log(at_once), keys=LOG_KEYS)


def test_one_file_with_a_column_for_the_time_of_arrival_is_the_same(span, upstream, copy, at_once):
    project = copy()
    for name in {path.name.partition("-")[0] for path in files(upstream)}:
        parts = [
            pd.read_csv(path, dtype=str, keep_default_na=False).assign(arrived_at=arrival(path).isoformat())
            for path in sorted(upstream.glob(f"{name}-*.csv"))
        ]
        pd.concat(parts).to_csv(project.source / f"{name}.csv", index=False)
    take_in(project, [], "feature_engineering", "inference", as_of=span.end)

    assert_same_tables(project, at_once)
    assert_same_rows(log(project), log(at_once), keys=LOG_KEYS)


def test_a_file_that_comes_in_out_of_order_changes_what_it_must_and_no_prediction(
    span, upstream, copy, at_once, caplog
):
    project, third = copy(), BEGIN + 2 * span.every
    held = [path for path in files(upstream) if arrival(path) == third]
    rest = [path for path in files(upstream) if path not in held]
    take_in(project, rest, "feature_engineering", "inference", as_of=span.end)
    made, without = log(project), project.table("features/origin_departures")

    with caplog.at_level("INFO", logger="podium"):
        take_in(project, held, "feature_engineering", "inference", as_of=span.end)

    assert_same_tables(project, at_once)
    after = log(project)
    assert_same_rows(made, after.merge(made[LOG_KEYS], on=LOG_KEYS), keys=LOG_KEYS)
    assert not after.duplicated(KEYS).any()
    (said,) = [record.message for record in caplog.records if "were taken in late" in record.message]
    assert f"known from {third:%Y-%m-%d %H:%M} on" in said
    window = [rows[rows["feature_time"] >= third] for rows in (without, at_once.table("features/origin_departures"))]
    changed = pd.concat(window).drop_duplicates(keep=False)[["origin", "feature_time"]].drop_duplicates()
    assert len(changed) > 0
    said = f"features/origin_departures: {len(changed):,} of {len(window[1]):,} rows have changed"
    assert said in [record.message for record in caplog.records]


def test_every_row_is_accounted_for(by_the_hour, upstream):
    project, _ = by_the_hour
    intake = project.table("quarantine/intake")

    assert (intake["rows_in"] == intake[["kept", "quarantined", "duplicates", "left_out"]].sum(axis=1)).all()
    live = intake[intake["intake"] > 1]
    written = sum(len(pd.read_csv(path)) for path in files(upstream))
    assert live["rows_in"].sum() == written
    assert live["kept"].sum() < written
    assert intake["complete"].all()
    kept = intake.groupby("event")["kept"].sum().to_dict()
    assert kept == {event.name: len(project.table(f"bronze/{event.name}")) for event in DOMAIN.events}
