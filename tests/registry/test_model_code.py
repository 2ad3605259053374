"""The code logged with a model version loads without Podium installed, and a change to it is refused."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from podium.errors import PodiumError
from podium.registry.candidate import newest_candidate
from podium.registry.promotion import plan_promotion, promote
from podium.registry.versions import load_version
from tests.models.conftest import FEATURES, flights
from tests.registry.homes import NAME, Home

# -S skips the .pth files of site-packages, and thereby an editable install of Podium.
SERVER = """
import importlib.util, sys
sys.path.append(sys.argv[1])
assert importlib.util.find_spec("podium") is None
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[2])
pd.Series(model.predict(pd.read_parquet(sys.argv[3]))).to_frame("score").to_parquet(sys.argv[4])
print(sys.modules["podium"].__file__)
print([name for name in ("kedro", "pyspark", "pydantic_settings") if name in sys.modules])
"""


@pytest.fixture
def home(new_home) -> Home:
    """An environment with one version, the champion, whose files a test may damage."""
    home = new_home("prod")
    home.live(seed=1)
    return home


def version_folder(home: Home) -> Path:
    return Path(home.client.get_model_version(NAME, "1").source)


def test_a_version_can_be_served_without_podium_installed(home: Home, tmp_path: Path):
    asked = flights(50, 9)[FEATURES]
    numbers = asked.select_dtypes("number").columns
    asked[numbers] = asked[numbers].astype("float64")
    asked.to_parquet(tmp_path / "asked.parquet")
    folder, answer = version_folder(home), tmp_path / "answer.parquet"
    command = [sys.executable, "-I", "-S", "-c", SERVER, sysconfig.get_paths()["purelib"]]
    run = subprocess.run(
        [*command, str(folder), str(tmp_path / "asked.parquet"), str(answer)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    loaded, heavy = run.stdout.splitlines()[-2:]
    assert loaded == str(folder / "code" / "podium" / "__init__.py")
    assert "kedro" not in heavy
    home.enter()
    champion = load_version(NAME, "champion")
    assert (pd.read_parquet(answer)["score"] == champion.model.score(asked)).all()


def test_the_requirements_do_not_include_podium(home: Home):
    requirements = (version_folder(home) / "requirements.txt").read_text().split()
    assert [line.partition("==")[0] for line in requirements] == ["lightgbm", "mlflow", "numpy", "pandas"]


def test_loading_with_mlflow_does_not_count_as_a_change(home: Home):
    home.enter()
    mlflow.pyfunc.load_model(f"models:/{NAME}/1")
    assert load_version(NAME, "champion").version == "1"


@pytest.mark.parametrize(
    "name", ["code/podium/models/model.py", "code/podium/errors.py", "code/lightgbm.py", "pyfunc.py"]
)
def test_changed_code_is_refused(home: Home, staging: Home, name: str):
    with (version_folder(home) / name).open("a") as file:
        file.write("\n# changed\n")
    home.enter()
    with pytest.raises(PodiumError, match=r"flight_delay version 1 .*has changed since it was logged"):
        load_version(NAME, "champion")
    with pytest.raises(PodiumError, match="the candidate of flight_delay"):
        newest_candidate(NAME)
    with pytest.raises(PodiumError, match="has changed since it was logged"):
        plan_promotion(NAME, home.place, staging.place)


@pytest.mark.parametrize("what", ["code", "files"])
def test_a_version_without_a_digest_is_refused(home: Home, what: str):
    home.client.delete_model_version_tag(NAME, "1", {"code": "podium.code_digest", "files": "podium.digest"}[what])
    home.enter()
    with pytest.raises(PodiumError, match=rf"The {what} of .* cannot be checked, because no SHA-256 was logged"):
        load_version(NAME, "champion")


def test_a_promotion_does_not_copy_bytecode(home: Home, new_home):
    cache = version_folder(home) / "code" / "podium" / "__pycache__"
    cache.mkdir()
    (cache / "errors.cpython-311.pyc").write_bytes(b"anything")
    target = new_home("staging")
    promote(plan_promotion(NAME, home.place, target.place), lambda step: None)
    assert not list(version_folder(target).rglob("__pycache__"))
    there = target.client.get_model_version(NAME, "1").tags
    assert there["podium.code_digest"] == home.client.get_model_version(NAME, "1").tags["podium.code_digest"]
