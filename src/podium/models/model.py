"""A fitted model: what every algorithm promises, and its life as a folder of plain files."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .columns import Columns, Encoded, Levels, ModelError, chunks, encode

__all__ = ["MAIN_FILE", "Model", "digest"]

MAIN_FILE = "model.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Model(ABC):
    """Features in, probabilities out. Fitted models are made by ``podium.models.fitting.fit``.

    A row's score does not depend on the rows it is scored with: alone or among thousands, it is the same to the bit.
    A dataclass field is kept in ``model.json``, unless its metadata names a ``file`` of its own for its text.

    Attributes:
        features: the columns that the model reads, in order.
        categorical: those of them that are text, with the levels seen in training; any other level is missing.
        params: the hyperparameters of the fit.
    """

    algorithm: ClassVar[str]

    features: tuple[str, ...]
    categorical: Levels
    params: Mapping[str, Any]

    def score(self, columns: Columns) -> NDArray[np.float64]:
        """The probability of the positive class for each row.

        Args:
            columns: a data frame or arrays by name, with at least the features; NaN and None are missing values.

        Returns:
            One float64 in [0, 1] for each row.

        Raises:
            ModelError: features are missing, or cannot be read as what they were in training.
        """
        parts = [encode(part, self.features, self.categorical) for part in chunks(columns, self.features)]
        return np.concatenate([self._score(part) for part in parts])

    def contributions(self, columns: Columns) -> NDArray[np.float64]:
        """How far each feature moves each row's score, in log odds: an array of shape (rows, features).

        A row's contributions and one constant of the model add up to the log odds of its score. They are Shapley
        values for LightGBM (TreeSHAP, Lundberg et al. 2020) and for logistic regression, where they are the terms of
        the sum; for the heuristic they are the steps from the overall rate to the finest group's.
        """
        parts = [encode(part, self.features, self.categorical) for part in chunks(columns, self.features)]
        return np.concatenate([self._contributions(part) for part in parts])

    @abstractmethod
    def _score(self, columns: Encoded) -> NDArray[np.float64]: ...

    @abstractmethod
    def _contributions(self, columns: Encoded) -> NDArray[np.float64]: ...

    def save(self, folder: Path) -> None:
        """Write the model's files: the same model gives the same bytes.

        Raises:
            ModelError: the folder holds other files, which would become part of the model's digest.
        """
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        files = {f.metadata["file"]: held.pop(f.name) for f in fields(self) if "file" in f.metadata}
        files[MAIN_FILE] = _canonical({"algorithm": self.algorithm, **held})
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(path.name for path in folder.iterdir() if path.name not in files)
        if others:
            raise ModelError(f"{folder} holds other files ({', '.join(others)}). Save the model to an empty folder.")
        for name, text in files.items():
            # Bytes: text mode would write other line ends on other systems.
            (folder / name).write_bytes(text.encode())


def digest(folder: Path, *, ignore: str = "") -> str:
    """SHA-256 (hex) of a folder: names and bytes of all files in it, in the order of their names.

    Args:
        folder: the files.
        ignore: the name of folders in it that do not count.
    """
    total = hashlib.sha256()
    paths = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    files = {name.as_posix(): path for name, path in paths.items() if ignore not in name.parent.parts}
    for name, path in sorted(files.items()):
        # Each part is hashed to a fixed length first, so that bytes cannot move between a name and its neighbours.
        total.update(hashlib.sha256(name.encode()).digest())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _canonical(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys and shortest exact numbers: equal values are equal bytes."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
