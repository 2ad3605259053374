"""A model survives the round trip through a real MLflow."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.models import infer_signature

from podium import models
from podium.models.fitting import fit

from .conftest import CATEGORICAL, FEATURES


@pytest.fixture
def tracking(tmp_path: Path):
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = mlflow.create_experiment("round trip", artifact_location=(tmp_path / "artifacts").as_uri())
    yield experiment
    mlflow.set_tracking_uri(before)


def test_a_logged_model_scores_the_same_and_keeps_its_bytes(
    tracking: str, rows: pd.DataFrame, later: pd.DataFrame, tmp_path: Path
) -> None:
    model = fit(
        "lightgbm",
        rows,
        rows["label"],
        features=FEATURES,
        categorical=CATEGORICAL,
        params={"rounds": 10},
        seed=1,
    )
    folder = tmp_path / "model"
    model.save(folder)
    asked = later[FEATURES]
    with mlflow.start_run(experiment_id=tracking):
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(models.__file__).with_name("pyfunc.py")),
            artifacts={"model": str(folder)},
            signature=infer_signature(asked, model.score(asked)),
            input_example=asked.head(3),
            pip_requirements=["lightgbm"],
        )
    served = mlflow.pyfunc.load_model(logged.model_uri)
    assert (served.predict(asked) == model.score(asked)).all()
    kept = Path(mlflow.artifacts.download_artifacts(logged.model_uri))
    assert models.digest(kept / "artifacts" / "model") == models.digest(folder)
    assert not list(kept.rglob("*.pkl"))
