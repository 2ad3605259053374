"""The files in docs/how-to/add-a-problem.md give a working model, without any change to the pipelines."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable

from tests.conftest import PROJECT

PAGE = PROJECT / "docs" / "how-to" / "add-a-problem.md"
FILE = re.compile(r"^`((?:src|conf)/\S+)`\n\n```(?:python|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DAYS = 150
RUN = """
import sys
from kedro.framework.session import KedroServiceSession
from kedro.framework.startup import bootstrap_project

bootstrap_project(".")
session = KedroServiceSession.create(project_path=".")
for stage in sys.argv[1:]:
    session.run(pipeline_names=[stage])
"""


def visits(seed: int = 3) -> pd.DataFrame:
    """Visits of patients, some of whom are more forgetful than others. Twenty rows break a rule."""
    rng = np.random.default_rng(seed)
    rows = 12_000
    patient = rng.integers(1, 600, rows)
    forgetful = rng.beta(1, 4, 600)[patient]
    starts = pd.Timestamp("2024-01-10", tz="UTC") + pd.to_timedelta(
        rng.integers(0, DAYS, rows) * 24 + rng.integers(8, 18, rows), unit="h"
    )
    notice = pd.to_timedelta(rng.integers(1, 30 * 24, rows), unit="h")
    missed = rng.random(rows) < np.clip(forgetful + (notice > pd.Timedelta(days=14)) * 0.15, 0, 1)
    table = pd.DataFrame({"visit": np.arange(1, rows + 1), "patient": patient})
    table["clinic"] = rng.choice(["north", "south"], rows)
    table["booked_at"], table["starts_at"] = (
        times.strftime("%Y-%m-%dT%H:%M:%SZ") for times in (pd.DatetimeIndex(starts - notice), starts)
    )
    table["came"] = np.where(missed, "no", "yes")
    table.loc[:9, "clinic"] = "east"
    table.loc[10:14, "came"] = ""
    return table


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project with the page's files, and the example put away, after the page's runs."""
    project = tmp_path_factory.mktemp("project")
    for name in ("src", "conf"):
        shutil.copytree(PROJECT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", project)
    for name in ("flights", "flight_delay"):
        (project / f"conf/base/parameters/{name}.yml").unlink()
    for name, content in FILE.findall(PAGE.read_text()):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (project / "data/raw").mkdir(parents=True)
    visits().to_csv(project / "data/raw/visits.csv", index=False)
    stages = re.findall(r"^kedro run --pipelines (\w+)$", PAGE.read_text(), re.MULTILINE)
    in_copy(project, "-c", RUN, *stages)
    return project


def in_copy(project: Path, *arguments: str) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PODIUM", "KEDRO", "MLFLOW"))
    }
    command = [sys.executable, *arguments]
    path = {"PYTHONPATH": str(project / "src")}
    done = subprocess.run(command, cwd=project, env=environment | path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_problem_has_a_champion_that_beats_the_baseline(project: Path) -> None:
    found = json.loads(in_copy(project, "-m", "podium", "status", "--json"))
    champion = found["problems"]["missed_visit"]["champion"]
    assert list(found["problems"]) == ["missed_visit"]
    assert champion["metrics"]["auc"] > champion["baseline"]["auc"] + 0.03


def test_bad_rows_are_in_quarantine_with_the_rule(project: Path) -> None:
    table = DeltaTable(str(project / "data/dev/visits/quarantine/rows")).to_pandas()
    assert table["event"].value_counts().to_dict() == {"booking": 10, "outcome": 10}
    assert table["rule"].str.startswith("clinic: ").all()


def test_features_agree_with_pandas(project: Path) -> None:
    table = DeltaTable(str(project / "data/dev/visits/features/patient_history")).to_pandas()
    raw = visits()
    raw = raw[(raw["came"] != "") & (raw["clinic"] != "east")]
    raw["known"] = pd.to_datetime(raw["starts_at"]) + pd.Timedelta(hours=2)
    for row in table.sample(50, random_state=1).itertuples():
        past = raw[(raw["patient"] == row.patient) & (raw["known"] <= row.feature_time)]
        assert row.visits == len(past)
        assert row.missed_share == ((past["came"] == "no").sum() + 1) / (len(past) + 5)


def test_its_feature_tables_keep_their_contract(project: Path) -> None:
    shutil.copytree(PROJECT / "tests", project / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    printed = in_copy(project, "-m", "pytest", "-p", "no:cacheprovider", "-rp", "-k", "visits", "tests/domains")
    assert "test_a_feature_table_keeps_its_contract[visits.patient_history]" in printed
    assert "1 passed" in printed


def test_the_code_of_the_page_passes_ruff(project: Path) -> None:
    package = project / "src/clinic"
    for arguments in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, str(package)],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
