"""The code that travels with a model version, so that a server needs MLflow and the listed packages, but no Podium.

MLflow puts the copy on the import path when it loads the version as a pyfunc. Podium itself never imports it.
"""

import shutil
from pathlib import Path

import podium
from podium import models
from podium.errors import PodiumError

__all__ = ["CODE", "SCRIPT", "check_code", "code_digest", "copy_code", "remove_bytecode"]

# Inside an MLflow model: the folder of the code, and the script that MLflow runs.
CODE = "code"
SCRIPT = "pyfunc.py"
# The modules of Podium that loading and scoring import.
NEEDED = ("__init__.py", "errors.py", "models")
BYTECODE = "__pycache__"


def copy_code(folder: Path) -> Path:
    """Copy the modules that load and score a model to ``folder``/podium; return the path of the script for MLflow."""
    source, target = Path(podium.__file__).parent, folder / "podium"
    target.mkdir(parents=True)
    for name in NEEDED:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns(BYTECODE))
        else:
            shutil.copyfile(source / name, target / name)
    return target / "models" / SCRIPT


def code_digest(folder: Path) -> str:
    """SHA-256 (hex) of a folder of code. Python's bytecode caches do not count: MLflow writes them as it loads."""
    return models.digest(folder, ignore=BYTECODE)


def check_code(mlflow_model: Path, digest: str, what: str) -> None:
    """Refuse an MLflow model whose code is not the code that was logged with it.

    Raises:
        PodiumError: the code has another digest, or MLflow would run another script than the code's own.
    """
    found = code_digest(mlflow_model / CODE)
    if found != digest:
        raise PodiumError(
            f"The code of {what} has changed since it was logged: SHA-256 {found[:16]}…, expected "
            f"{digest[:16] or 'none'}…. Train again, or restore the code from a backup."
        )
    script = mlflow_model / SCRIPT
    if not script.is_file() or script.read_bytes() != (mlflow_model / CODE / "podium" / "models" / SCRIPT).read_bytes():
        raise PodiumError(
            f"{SCRIPT} of {what}, which MLflow runs to load the model, is missing or has changed since it was logged. "
            "Train again, or restore the script from a backup."
        )


def remove_bytecode(mlflow_model: Path) -> None:
    """Delete the bytecode caches of a copy. Python prefers bytecode to its source, and no digest covers it."""
    for cache in list(mlflow_model.rglob(BYTECODE)):
        shutil.rmtree(cache)
