"""An environment swaps the sources: files, Delta tables and a database give the same bronze and features."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
import yaml
from deltalake import write_deltalake

from podium.domains.flights import DOMAIN
from tests import postgres
from tests.bits import assert_same_rows, table_keys
from tests.conftest import PROJECT, Project

AS_OF = "2013-01-06"
TYPES = "podium.lakehouse.sources"
TABLES = [name for name in table_keys(DOMAIN) if name.startswith(("bronze/", "features/")) and "refreshes" not in name]


@pytest.fixture(scope="module")
def from_files(week, new_project) -> Project:
    """A project whose source is a folder of CSV files."""
    project = new_project(week)
    project.run("feature_engineering", as_of=AS_OF)
    return project


def typed(week: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The files of the week with the types that a database would have."""
    numbers = {
        "flights": ["dep_delay", "arr_delay", "distance", "air_time"],
        "weather": ["temp", "wind_speed", "precip"],
    }
    found = {}
    for name in ("flights", "weather", "planes", "airports", "airlines"):
        frame = week[name].replace({"": None, "NA": None})
        for column in numbers.get(name, []):
            frame[column] = frame[column].map(float, na_action="ignore").astype(float)  # pd.to_numeric rounds
        if "time_hour" in frame:
            frame["time_hour"] = pd.to_datetime(frame["time_hour"], utc=True)
        found[name] = frame
    return found


def run_with(catalog: dict, home, tracking_store) -> Project:
    """Run feature engineering with other sources in the catalog of dev."""
    from kedro.framework.session import KedroServiceSession

    conf = home / "conf"
    shutil.copytree(PROJECT / "conf", conf, ignore=shutil.ignore_patterns("local"))
    (conf / "dev" / "catalog" / "sources.yml").write_text(yaml.safe_dump(catalog))
    (home / "data" / "dev").mkdir(parents=True)
    shutil.copy(tracking_store, home / "data" / "dev")
    project = Project(home / "data", home)
    project.session = KedroServiceSession.create(project_path=PROJECT, env="dev", conf_source=str(conf))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODIUM_DATA", str(project.data))
        for _ in range(2):
            project.session.run(pipeline_names=["feature_engineering"], runtime_params={"as_of": AS_OF})
    return project


def assert_same_tables(project: Project, other: Project) -> None:
    keys = table_keys(DOMAIN)
    for name in TABLES:
        assert_same_rows(project.table(name), other.table(name), keys=keys[name])
    counts = [each.table("quarantine/intake").set_index("event")["kept"].to_dict() for each in (project, other)]
    assert counts[0] == counts[1]


EMPTY = ("timetable", "departures", "arrivals", "cancellations")


def test_delta_tables_in_place_of_files(week, from_files, tmp_path, tracking_store):
    catalog = {}
    for name, frame in typed(week).items():
        write_deltalake(str(tmp_path / "lake" / name), frame)
        catalog[f"flights.source_{name}"] = {"type": f"{TYPES}.DeltaSource", "path": str(tmp_path / "lake" / name)}

    assert_same_tables(run_with(catalog, tmp_path / "swapped", tracking_store), from_files)


def test_a_database_in_place_of_files(week, from_files, tmp_path, tracking_store):
    if postgres.installed() is None:
        pytest.skip("PostgreSQL is not installed")
    from sqlalchemy import create_engine

    with postgres.running() as address:
        engine = create_engine(address)
        catalog = {}
        for name, frame in typed(week).items():
            frame.to_sql(name, engine, index=False)
            dataset = {"type": "pandas.SQLTableDataset", "table_name": name, "credentials": {"con": address}}
            catalog[f"flights.source_{name}"] = {"type": f"{TYPES}.FrameSource", "dataset": dataset}
        engine.dispose()

        assert_same_tables(run_with(catalog, tmp_path / "swapped", tracking_store), from_files)
