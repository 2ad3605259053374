"""A candidate is a model made by training. Its training run in MLflow holds it, with the baseline that it must beat."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from podium import models
from podium.errors import PodiumError
from podium.lakehouse.run_command import run_command
from podium.models.model import Model

from .lookups import json_document, newest_run
from .model_code import CODE, DELETE_FIRST, check_code, code_digest, copy_code

__all__ = ["Candidate", "log_candidate", "newest_candidate"]

# The folder of Podium's files inside an MLflow model. The model's digest covers only this folder.
MODEL_FILES = "artifacts/model"
# The packages that a model server must install, in the versions used for training. Podium is not among them,
# because the parts of Podium that scoring needs are stored with the model.
REQUIREMENTS = ("lightgbm", "mlflow", "numpy", "pandas")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A fitted model, the baseline that it must beat, and the record of its training.

    Attributes:
        model: the model.
        baseline: a simple rule to beat, fitted on the same rows.
        as_of: the moment (UTC) as of which it was trained.
        training: what training recorded: window, rows, algorithm, parameters, validation metrics.
        example: a few rows of input.
        run_id, model_uri: where MLflow keeps it; empty until it is logged.
        digest, code_digest: SHA-256 of the model's files and of the code that travels with them; empty until logged.
    """

    model: Model
    baseline: Model
    as_of: datetime
    training: Mapping[str, Any]
    example: pd.DataFrame = field(default_factory=pd.DataFrame)
    run_id: str = ""
    digest: str = ""
    code_digest: str = ""
    model_uri: str = ""


def log_candidate(problem: str, candidate: Candidate) -> str:
    """Log the candidate to the active MLflow run and return the digest of the model's files.

    Set the tags last: a search looks for the tags, so it never finds a candidate that is only partly logged.
    """
    run = mlflow.active_run()
    if run is None:
        raise PodiumError(
            f"{problem}: the candidate was not logged, because no MLflow run is active. Run: " + run_command("training")
        )
    with tempfile.TemporaryDirectory() as scratch:
        folder, baseline = Path(scratch, "model"), Path(scratch, "baseline")
        candidate.model.save(folder)
        candidate.baseline.save(baseline)
        digest = models.digest(folder)
        script = copy_code(Path(scratch, CODE))
        code = code_digest(Path(scratch, CODE))
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(script),
            code_paths=[str(Path(scratch, CODE, "podium"))],
            artifacts={"model": str(folder)},
            signature=_signature(candidate.model),
            input_example=candidate.example,
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        )
        mlflow.log_artifacts(str(baseline), "baseline")
    mlflow.log_dict(dict(candidate.training), "training.json")
    mlflow.set_tags(
        {
            "podium.model_uri": logged.model_uri,
            "podium.digest": digest,
            "podium.code_digest": code,
            "podium.as_of": candidate.as_of.isoformat(),
            "podium.algorithm": candidate.model.algorithm,
            "podium.problem": problem,
            "podium.kind": "candidate",
            # Podium finds candidates by this tag. podium.kind does not do: if one run both trains and evaluates, the
            # evaluation overwrites it.
            "podium.candidate": problem,
        }
    )
    return digest


def _signature(model: Model) -> ModelSignature:
    """The model's MLflow signature: numbers are doubles, and any value may be missing.

    Don't let MLflow infer it from example rows, which may contain only integers or no missing value.
    """
    kinds = {name: DataType.string if name in model.categorical else DataType.double for name in model.features}
    inputs = Schema([ColSpec(kind, name, required=False) for name, kind in kinds.items()])
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec(DataType.double)]))


def newest_candidate(problem: str) -> Candidate:
    """Load the newest candidate of a problem from MLflow.

    Raises:
        PodiumError: there is no candidate, or its files changed since they were logged.
    """
    client = MlflowClient()
    run = newest_run(client, candidate=problem)
    if run is None:
        raise PodiumError(f"{problem}: there is no candidate. First train one: {run_command('training')}")
    tags = run.data.tags
    return Candidate(
        model=load_checked(tags["podium.model_uri"], tags, f"the candidate of {problem}"),
        baseline=models.load(
            Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="baseline"))
        ),
        as_of=datetime.fromisoformat(tags["podium.as_of"]),
        training=json_document(client, run.info.run_id, "training.json"),
        run_id=run.info.run_id,
        digest=tags["podium.digest"],
        code_digest=tags["podium.code_digest"],
        model_uri=tags["podium.model_uri"],
    )


def load_checked(uri: str, tags: Mapping[str, str], what: str) -> Model:
    """Load the model at ``uri``. Refuse it if the digest of its files or code is not the one in its tags."""
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    check_files(folder, tags, f"{what} ({uri})")
    return models.load(folder / MODEL_FILES)


def check_files(mlflow_model: Path, tags: Mapping[str, str], what: str) -> None:
    """Refuse an MLflow model if the digest of its files or code is not the one in its tags."""
    found, digest = models.digest(mlflow_model / MODEL_FILES), tags.get("podium.digest", "")
    if not digest:
        raise PodiumError(
            f"The files of {what} cannot be checked, because no SHA-256 was logged for them. Train again. "
            f"{DELETE_FIRST}"
        )
    if found != digest:
        raise PodiumError(
            f"The files of {what} have changed since they were logged: their SHA-256 is {found[:16]}…, and "
            f"{digest[:16]}… was logged. Restore the files from a backup, or train again. {DELETE_FIRST}"
        )
    check_code(mlflow_model, tags.get("podium.code_digest", ""), what)
