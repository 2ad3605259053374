"""The wheel runs in an empty folder with its own configuration, and contains no secrets."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from email import message_from_bytes
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable

from podium import home
from podium.cli import main
from podium.errors import PodiumError
from tests.conftest import PROJECT
from tests.jobs.wheels import Installed, built, installed

AS_OF = "2013-01-10"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def there(wheel: Path, tmp_path_factory) -> Installed:
    """The wheel, installed into a new environment, with an empty working folder."""
    return installed(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def source(small, write_source, tmp_path_factory) -> Path:
    """The flights and weather of twelve days, plus a day of weather in February that has one bad row."""
    few = {name: frame[(frame["month"] == "1") & (frame["day"].astype(int) <= 12)] for name, frame in dated(small)}
    weather = small["weather"]
    storm = weather[(weather["month"] == "2") & (weather["day"] == "12")]
    few["weather"] = pd.concat([few["weather"], storm])
    return write_source(small | few, tmp_path_factory.mktemp("tiny"))


def dated(files):
    return [(name, files[name]) for name in ("flights", "weather")]


def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_contains_the_configuration_without_secrets(wheel):
    files = [path for path in (PROJECT / "conf").rglob("*") if path.is_file() and path.parent.name != "local"]
    known = {path.relative_to(PROJECT) for path in files}
    assert {name for name in names(wheel) if name.startswith("podium/conf/")} == {f"podium/{name}" for name in known}


def test_the_wheel_contains_exactly_the_code(wheel):
    code = {path.relative_to(PROJECT / "src").as_posix() for path in (PROJECT / "src").rglob("*.py")}
    assert {name for name in names(wheel) if name.endswith(".py")} == code
    assert {name.split("/")[0] for name in names(wheel)} == {"podium", "podium-0.1.0.dist-info"}


def test_the_wheel_does_not_require_spark(wheel):
    meta = message_from_bytes(zipfile.ZipFile(wheel).read("podium-0.1.0.dist-info/METADATA"))
    always = {re.split(r"[^\w-]", each)[0] for each in meta.get_all("Requires-Dist") if "extra ==" not in each}
    assert {"kedro", "mlflow"} <= always
    assert always.isdisjoint({"pyspark", "delta-spark", "pysail", "psutil", "databricks-connect", "databricks-bundles"})
    assert "local" in meta.get_all("Provides-Extra")


def test_a_pipeline_runs_in_an_empty_folder(there, source):
    assert not there.python("import podium; print(podium.__file__)").startswith(str(PROJECT))
    params = f"as_of={AS_OF},flights.source={source}"
    done = there.podium("run", "--pipelines", "feature_engineering", "--params", params)
    assert done.returncode == 0, done.stderr
    lake = there.folder / "data" / "dev" / "flights"
    flights = (source / "flights.csv").read_text().count("\n") - 1
    assert DeltaTable(str(lake / "bronze" / "timetable")).to_pyarrow_dataset().count_rows() == flights
    weather = DeltaTable(str(lake / "features" / "weather")).to_pandas()
    assert len(weather)
    assert weather["feature_time"].max().strftime("%Y-%m-%d") <= AS_OF
    assert [path.name for path in there.folder.iterdir()] == ["data"]


@pytest.mark.faults  # takes a minute, and other tests cover the engine and the wheel separately
@pytest.mark.spark
def test_a_pipeline_runs_on_spark(there, source):
    params = f"as_of={AS_OF},flights.source={source}"
    until = "flights.quarantine_rows"
    done = there.podium("run", "--env", "staging", "--pipelines", "eda", "--to-outputs", until, "--params", params)
    assert done.returncode == 0, done.stderr
    table = DeltaTable(str(there.folder / "data" / "staging" / "flights" / "quarantine" / "rows"))
    (row,) = table.to_pyarrow_table().to_pylist()
    assert row["event"] == "weather"
    assert "Apache-Spark" in str(table.history())


def test_other_commands_see_the_results_of_the_run(there):
    found = json.loads(there.podium("lake", "tables", "--json").stdout)
    assert "flights.features_weather" in {table["name"] for table in found}
    planned = there.podium("jobs", "run", "monitor", "--dry-run")
    assert (planned.stdout, planned.stderr) == ("monitoring: podium run --env dev --pipelines monitoring\n", "")
    seen = json.loads(there.podium("status", "--json").stdout)
    assert seen["root"] == str(there.folder / "data" / "dev")
    assert seen["pipelines"]["feature_engineering"]["outcome"] == "finished"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--pipelines", "trainig"), "There is no pipeline 'trainig' (did you mean 'training'?)."),
        (("--env", "prd"), "There is no environment 'prd' (did you mean 'prod'?)."),
        (("--pipelines", "training", "--tags", "x"), "There is no tag 'x'."),
        (("--env", "prod", "--params", "flights.soruce=x"), "no such parameter (did you mean 'source'?)"),
    ],
)
def test_a_mistake_is_a_one_line_error_and_nothing_runs(podium_run, arguments, said):
    code, shown = podium_run(*arguments)
    assert code == 1
    assert said in shown
    assert shown.startswith("Error: ")
    assert "Traceback" not in shown


def test_a_root_that_the_environment_ignores_is_refused(podium_run):
    code, shown = podium_run("--root", "uc://main", "--pipelines", "eda")
    assert code == 2
    assert "conf/dev/globals.yml ignores this option" in shown


def test_a_configuration_of_the_user_overrides_that_of_the_wheel(there, tmp_path):
    """A conf/ folder without base/ is ignored, because a Databricks cluster has one in its working folder."""
    mine = Installed(there.bin, tmp_path)
    (tmp_path / "conf").mkdir()
    assert json.loads(mine.podium("lake", "tables", "--json").stdout) == []
    there.python(
        f"import shutil; from podium.home import PACKAGED; shutil.copytree(PACKAGED, {str(tmp_path / 'own')!r})"
    )
    shutil.copytree(tmp_path / "own" / "dev", tmp_path / "own" / "mine")
    known = mine.podium("lake", "tables", "--json", "--env", "mine", PODIUM_CONF=str(tmp_path / "own"))
    assert json.loads(known.stdout) == []
    (tmp_path / "conf").rmdir()
    (tmp_path / "own").rename(tmp_path / "conf")
    assert json.loads(mine.podium("lake", "tables", "--json", "--env", "mine").stdout) == []
    assert there.podium("lake", "tables", "--env", "mine").returncode == 1


def test_the_order_in_which_configuration_folders_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(home, "PACKAGED", tmp_path / "packaged")
    monkeypatch.setenv("PODIUM_HOME", str(tmp_path))
    monkeypatch.delenv("PODIUM_CONF", raising=False)
    own = tmp_path / "conf"
    assert home.conf() == own  # the fallback, because a checkout has no packaged configuration
    (tmp_path / "packaged").mkdir()
    assert home.conf() == tmp_path / "packaged"
    own.mkdir()
    assert home.conf() == tmp_path / "packaged"
    (own / "base").mkdir()
    assert home.conf() == own
    monkeypatch.setenv("PODIUM_CONF", str(tmp_path / "elsewhere"))
    assert home.conf() == tmp_path / "elsewhere"


def test_a_databricks_task_raises_on_failure_and_returns_on_success(monkeypatch):
    """On Databricks any SystemExit fails the task, even with code 0."""
    monkeypatch.setenv("PODIUM_HOME", str(PROJECT))
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    monkeypatch.setattr("sys.argv", ["podium", "lake", "tables", "--env", "prd"])
    with pytest.raises(PodiumError, match="no environment 'prd'"):
        main()
    monkeypatch.setattr("sys.argv", ["podium", "--version"])
    assert not main()
