"""Podium's code inside a model version, with which a model server can load the version without installing Podium.

MLflow puts the copy on the import path when it loads the version as a pyfunc. Podium itself never imports this
copy.
"""

import shutil
from pathlib import Path

import podium
from podium import models
from podium.errors import PodiumError

__all__ = ["CODE", "DELETE_FIRST", "SCRIPT", "check_code", "code_digest", "copy_code", "remove_bytecode"]

# Paths inside an MLflow model: the folder of Podium's code, and the script that MLflow runs to load the model.
CODE = "code"
SCRIPT = "pyfunc.py"
# The parts of Podium that are needed to load a model and to score with it.
NEEDED = ("__init__.py", "errors.py", "models")
BYTECODE = "__pycache__"
# Otherwise a new candidate with an equal model would count as the registered version.
DELETE_FIRST = "If this version is registered, delete it in MLflow before you train."


def copy_code(folder: Path) -> Path:
    """Copy the code for loading and scoring into ``folder``/podium. Return the path of the script that MLflow runs."""
    source, target = Path(podium.__file__).parent, folder / "podium"
    target.mkdir(parents=True)
    for name in NEEDED:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns(BYTECODE))
        else:
            shutil.copyfile(source / name, target / name)
    return target / "models" / SCRIPT


def code_digest(folder: Path) -> str:
    """SHA-256 (hex) of a folder of code, without Python's bytecode caches, which appear when MLflow loads the model."""
    return models.digest(folder, ignore=BYTECODE)


def check_code(mlflow_model: Path, digest: str, what: str) -> None:
    """Refuse an MLflow model whose code has changed since it was logged.

    Raises:
        PodiumError: no digest was logged, the code has another digest, or the script that MLflow runs differs from the
            one in the code.
    """
    if not digest:
        raise PodiumError(
            f"The code of {what} cannot be checked, because no SHA-256 was logged for it. Train again. {DELETE_FIRST}"
        )
    found = code_digest(mlflow_model / CODE)
    if found != digest:
        raise PodiumError(
            f"The code of {what} has changed since it was logged: its SHA-256 is {found[:16]}…, and {digest[:16]}… was "
            f"logged. Restore the code from a backup, or train again. {DELETE_FIRST}"
        )
    script = mlflow_model / SCRIPT
    if not script.is_file() or script.read_bytes() != (mlflow_model / CODE / "podium" / "models" / SCRIPT).read_bytes():
        raise PodiumError(
            f"The script {SCRIPT}, which MLflow runs to load {what}, is missing or has changed since it was logged. "
            f"Restore the script from a backup, or train again. {DELETE_FIRST}"
        )


def remove_bytecode(mlflow_model: Path) -> None:
    """Delete a copied model's bytecode caches: Python would run them, not the source, and no digest covers them."""
    for cache in list(mlflow_model.rglob(BYTECODE)):
        shutil.rmtree(cache)
