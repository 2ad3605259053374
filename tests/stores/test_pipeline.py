"""A prod pipeline with its tables in a bucket writes the same tables as in a folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from deltalake import DeltaTable
from kedro.framework.session import KedroServiceSession
from kedro.framework.startup import bootstrap_project

from podium.errors import PodiumError
from podium.lakehouse import engine
from podium.lakehouse.access.principal import os_user
from podium.lakehouse.files import Folder
from tests.conftest import PROJECT, SAIL

AS_OF = "2013-01-03"
# Tables that record the time of a run, which differs between runs.
RECORDS = {"features/refreshes", "bronze/ingestions"}


@pytest.fixture(scope="module")
def tiny(raw, write_source, tmp_path_factory) -> Path:
    """A source with the first three days of every seventh flight number."""
    flights = raw["flights"]
    keep = (flights["month"] == "1") & flights["day"].isin(["1", "2", "3"]) & (flights["flight"].astype(int) % 7 == 0)
    return write_source(raw | {"flights": flights[keep]}, tmp_path_factory.mktemp("tiny") / "source")


@pytest.fixture
def configured(tmp_path: Path):
    """Return a function that copies the project's configuration, lists members, and sets the engine of prod."""

    def make(name: str, *, members: bool = True) -> Path:
        conf = tmp_path / "conf"
        shutil.copytree(PROJECT / "conf", conf, ignore=shutil.ignore_patterns("local"))
        (conf / "local").mkdir()
        if members:
            rules = yaml.safe_load((conf / "base" / "access.yml").read_text())
            rules["members"] = {os_user(): ["job"]}
            (conf / "base" / "access.yml").write_text(yaml.safe_dump(rules))
        if name == "sail":
            (conf / "prod" / "spark.yml").write_text("engine: sail\n")
        return conf

    return make


@pytest.fixture
def run(tiny, tmp_path, tracking_store, monkeypatch):
    """Return a function that runs feature engineering in an environment."""

    def do(env: str, conf: Path) -> None:
        monkeypatch.setenv("PODIUM_DATA", str(tmp_path / "data"))
        folder = tmp_path / "data" / env
        folder.mkdir(parents=True)
        shutil.copy(tracking_store, folder)
        bootstrap_project(PROJECT)
        session = KedroServiceSession.create(project_path=PROJECT, env=env, conf_source=str(conf))
        parameters = {"as_of": AS_OF, "flights": {"source": str(tiny)}}
        session.run(pipeline_names=["feature_engineering"], runtime_params=parameters)

    yield do
    engine.configure(SAIL)


def rows(path: str) -> pd.DataFrame:
    frame = DeltaTable(path).to_pandas()
    frame = frame[sorted(frame.columns)]
    return frame.sort_values(list(frame.columns), ignore_index=True, key=lambda column: column.astype(str))


@pytest.mark.parametrize("name", ["sail", pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.faults])])
def test_tables_in_a_bucket_equal_those_in_a_folder(name, server, spark, tmp_path, configured, run, monkeypatch):
    root = f"{server.make_bucket(f'prod-{name}')}/podium"
    conf = configured(name)
    run("dev", conf)
    monkeypatch.setenv("PODIUM_PROD_ROOT", root)
    monkeypatch.setenv("PODIUM_SPARK_MASTER", "local[2]")
    run("prod", conf)

    home = tmp_path / "data" / "dev" / "flights"
    tables = {log.parent.relative_to(home).as_posix() for log in home.glob("*/*/_delta_log")} - RECORDS
    assert {"bronze/timetable", "bronze/weather", "features/weather", "features/origin_departures"} <= tables
    for table in tables:
        pd.testing.assert_frame_equal(
            rows(f"{root}/flights/{table}"), rows(str(home / table)), check_exact=True, obj=table
        )
    assert not [path for path in (tmp_path / "data" / "prod").rglob("*") if path.suffix == ".parquet"]


def test_a_run_cannot_write_to_a_bucket_without_listed_members(server, spark, configured, run, monkeypatch):
    bucket = server.make_bucket("prod-nobody")
    monkeypatch.setenv("PODIUM_PROD_ROOT", f"{bucket}/podium")

    with pytest.raises(PodiumError, match="members"):
        run("prod", configured("sail", members=False))

    assert not Folder(bucket).has("podium")


def test_variables_of_the_store_can_be_in_the_credentials(server, configured, monkeypatch):
    bucket = server.make_bucket("prod-credentials")
    conf = configured("sail")
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    storage = {name: os.environ[name] for name in names}
    (conf / "local" / "credentials.yml").write_text(yaml.safe_dump({"storage": storage}))
    for name in (*names, "AWS_REGION", "AWS_ALLOW_HTTP"):
        monkeypatch.delenv(name)

    bootstrap_project(PROJECT)
    KedroServiceSession.create(project_path=PROJECT, env="prod", conf_source=str(conf)).load_context()
    Folder(bucket).put_text("here", "note.txt")

    engine.configure(SAIL)
    assert Folder(bucket).text("note.txt") == "here"
