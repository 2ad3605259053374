"""``kedro run`` refuses a run before its first node if the rules forbid any part of it. Runs in separate processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from deltalake import write_deltalake
from kedro.config import OmegaConfigLoader
from kedro.io import CachedDataset, DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline

from podium.lakehouse.access.keys import VARIABLE
from podium.lakehouse.access.masks import hmac_key, masked_value
from podium.lakehouse.access.principal import NARROW, os_user
from podium.lakehouse.access.run_access import wishes
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.table import DeltaDataset
from podium.pipeline_registry import register_pipelines
from podium.settings import CONFIG_LOADER_ARGS
from tests.access.conftest import NOBODY, SECRET, contents
from tests.conftest import PROJECT, Project


def run(data: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``kedro run`` on the given data folder."""
    clean = {name: value for name, value in os.environ.items() if name not in {NARROW, VARIABLE, "KEDRO_ENV"}}
    return subprocess.run(
        [sys.executable, "-m", "kedro", "run", *arguments],
        env={**clean, "PODIUM_DATA": str(data), **variables},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def tables(data: Path) -> list[Path]:
    """The files below the data folder that a node may have written."""
    return [path for path in data.rglob("*") if {"flights", "flight_delay", "mlartifacts"} & {*path.parts}]


def test_a_user_without_a_role_cannot_run_anything_in_prod(tmp_path):
    """The refusal needs no engine, so this test passes without Java."""
    answer = run(tmp_path, "--env", "prod", "--pipelines", "feature_engineering", **{NARROW: NOBODY})

    said = answer.stdout + answer.stderr
    assert answer.returncode == 1
    assert "This run is refused; nothing was read or written." in said
    refused = [(verb, zone) for verb in ("read", "write") for zone in ("bronze", "quarantine", "features")]
    for verb, zone in refused:
        assert f"(roles: none) may not {verb} the zone {zone}" in said
    assert said.count("WARNING refused: ") == len(refused)
    assert f"{os_user()} as {NOBODY}" in said
    assert "Traceback" not in said
    assert tables(tmp_path) == []


@pytest.fixture
def conf(tmp_path) -> Path:
    """The project's configuration, with this user as an ML engineer in staging."""
    shutil.copytree(PROJECT / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("local"))
    members = {"members": {os_user(): ["ml_engineer"]}}
    (tmp_path / "conf" / "staging" / "access.yml").write_text(yaml.safe_dump(members))
    return tmp_path / "conf"


def test_a_run_that_would_mask_without_a_key_does_not_begin(conf, tmp_path):
    arguments = ["--env", "staging", "--pipelines", "eda", "--conf-source", str(conf)]

    without = run(tmp_path / "data", *arguments)
    assert without.returncode == 1
    assert "read masked, but there is no mask key" in without.stdout + without.stderr
    assert tables(tmp_path / "data") == []

    short = run(tmp_path / "data", *arguments, **{VARIABLE: "too-short-a-secret"})
    assert "shorter than 32 bytes" in short.stdout + short.stderr
    assert "too-short-a-secret" not in short.stdout + short.stderr


def test_a_dev_run_stores_clear_values_in_bronze_and_loads_masks(project: Project):
    """Masks apply on load, so the table keeps the clear values."""
    project.run("eda", as_of="2013-02-01")

    context = project.session.load_context()
    seen = context.catalog.load("flights.bronze_plane").select("tail_number").limit(3).toPandas()
    assert seen["tail_number"].str.fullmatch("[0-9a-f]{32}").all()
    assert project.table("bronze/plane")["tail_number"].str.fullmatch("[A-Z0-9-]{2,7}").all()
    profile = project.table("monitoring/profile")
    departures = profile[(profile["table"] == "departure") & (profile["column"] == "tail_number")]
    known = project.table("bronze/departure").query("available_at <= '2013-02-01T00:00Z'")
    assert departures["distinct"].item() == known["tail_number"].nunique() > 1000


@pytest.fixture
def catalog(data_folder, spark):
    """The dev catalog, with a prod table in a local folder."""
    from kedro.framework.session import KedroServiceSession
    from kedro.framework.startup import bootstrap_project

    folder = data_folder / "prod" / "flights" / "bronze" / "plane"
    folder.mkdir(parents=True)
    write_deltalake(folder, pa.table({"tail_number": ["N1"], "seats": [2]}))
    bootstrap_project(PROJECT)
    return KedroServiceSession.create(project_path=PROJECT, env="dev").load_context().catalog


ELSEWHERE = "prod.flights.bronze.plane"


def test_dev_reads_prod_through_its_catalog_masked_and_never_writes_it(monkeypatch, request, data_folder):
    monkeypatch.setenv(VARIABLE, SECRET)
    catalog = request.getfixturevalue("catalog")
    before = contents(data_folder / "prod")

    planes = catalog.load(ELSEWHERE)

    assert [tuple(row) for row in planes.collect()] == [(masked_value(hmac_key(SECRET), "tail_number", "N1"), 2)]
    with pytest.raises(DatasetError, match="From dev, prod is read-only"):
        catalog.save(ELSEWHERE, planes)
    monkeypatch.setenv(NARROW, NOBODY)
    with pytest.raises(DatasetError, match=rf"{NOBODY} \(roles: none\) may not read the zone bronze"):
        catalog.load(ELSEWHERE)
    assert contents(data_folder / "prod") == before


def test_dev_does_not_read_prod_with_a_key_of_its_own(monkeypatch, request):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(DatasetError, match="there is no mask key"):
        request.getfixturevalue("catalog").load(ELSEWHERE)


def test_dev_finds_the_roots_of_other_environments(monkeypatch, tmp_path):
    for variables in ({}, {"PODIUM_STAGING_ROOT": "s3://staging/podium", "PODIUM_PROD_ROOT": "uc://main"}):
        for name, value in {"PODIUM_DATA": str(tmp_path), **variables}.items():
            monkeypatch.setenv(name, value)
        settings = {
            env: OmegaConfigLoader(conf_source=str(PROJECT / "conf"), env=env, **CONFIG_LOADER_ARGS)["globals"]
            for env in ("dev", "staging", "prod")
        }
        assert settings["dev"]["elsewhere"] == {env: settings[env]["root"] for env in ("staging", "prod")}


def test_every_zone_of_a_pipeline_is_asked_for(catalog):
    asked = {
        stage: {(wish.verb, wish.zone) for wish in wishes(pipeline, catalog)}
        for stage, pipeline in register_pipelines().items()
    }

    assert asked["inference"] >= {("read", "features"), ("read", "registry"), ("write", "predictions")}
    assert asked["training"] >= {("read", "bronze"), ("write", "training_sets"), ("write", "registry")}
    assert ("write", "features") not in asked["training"]
    assert asked["monitoring"] >= {("read", "predictions"), ("write", "monitoring")}
    assert asked["deployment"] == {("read", "registry"), ("write", "registry")}


def test_the_rules_look_inside_a_cached_dataset_and_refuse_one_that_hides_its_dataset(tmp_path):
    cached = CachedDataset(CachedDataset(DeltaDataset(path=str(tmp_path / "t"), zone="bronze")))
    own_catalog = DataCatalog({"cached": cached})
    pipeline = Pipeline([Node(func=print, inputs="cached", outputs=None, name="show")])

    (wish,) = wishes(pipeline, own_catalog)
    assert (wish.verb, wish.zone) == ("read", "bronze")

    del cached._dataset
    with pytest.raises(LakehouseError, match="access rules of cached cannot be checked: it is a CachedDataset"):
        list(wishes(pipeline, own_catalog))
