"""The interface of a fitted model, and how it is saved as a folder of plain files."""

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
    """A fitted model, which turns features into probabilities. ``podium.models.fitting.fit`` creates one.

    A row's score does not depend on the rows it is scored with: alone or in a batch, it is the same to the bit.
    ``save`` writes dataclass fields to ``model.json``, except text fields whose metadata names a ``file`` of their own.

    Attributes:
        features: the columns that the model reads, in order.
        categorical: the features that hold text, with the levels seen in training; any other level counts as missing.
        params: the hyperparameters of the fit.
    """

    algorithm: ClassVar[str]

    features: tuple[str, ...]
    categorical: Levels
    params: Mapping[str, Any]

    def score(self, columns: Columns) -> NDArray[np.float64]:
        """Compute the probability of the positive class for each row.

        Args:
            columns: a data frame or arrays by name, with at least the features; NaN and None are missing values.

        Returns:
            One float64 in [0, 1] for each row.

        Raises:
            ModelError: features are missing or of the wrong type, or columns differ in length.
        """
        parts = [encode(part, self.features, self.categorical) for part in chunks(columns, self.features)]
        return np.concatenate([self._score(part) for part in parts])

    def contributions(self, columns: Columns) -> NDArray[np.float64]:
        """Compute how far each feature moves each row's score, in log odds: an array of shape (rows, features).

        A row's contributions and one constant of the model add up to the log odds of its score. For LightGBM they are
        Shapley values (TreeSHAP, Lundberg et al. 2020). For logistic regression they are the terms of the linear sum,
        which are Shapley values too. For the heuristic they are the steps from the overall to the finest group's rate.
        """
        parts = [encode(part, self.features, self.categorical) for part in chunks(columns, self.features)]
        return np.concatenate([self._contributions(part) for part in parts])

    @abstractmethod
    def _score(self, columns: Encoded) -> NDArray[np.float64]: ...

    @abstractmethod
    def _contributions(self, columns: Encoded) -> NDArray[np.float64]: ...

    def save(self, folder: Path) -> None:
        """Write the model's files to ``folder``. Equal models give equal bytes.

        Raises:
            ModelError: the folder holds other files, which would change the model's digest.
        """
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        files = {f.metadata["file"]: held.pop(f.name) for f in fields(self) if "file" in f.metadata}
        files[MAIN_FILE] = _canonical({"algorithm": self.algorithm, **held})
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(path.name for path in folder.iterdir() if path.name not in files)
        if others:
            raise ModelError(f"{folder} holds other files ({', '.join(others)}). Save the model to an empty folder.")
        for name, text in files.items():
            # Write bytes: text mode translates line endings on Windows, which would change the model's digest.
            (folder / name).write_bytes(text.encode())


def digest(folder: Path, *, ignore: str = "") -> str:
    """SHA-256 (hex) of the names and bytes of all files in a folder, in the order of their names.

    Args:
        folder: the folder with the files.
        ignore: the name of sub-folders to leave out.
    """
    total = hashlib.sha256()
    paths = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    files = {name.as_posix(): path for name, path in paths.items() if ignore not in name.parent.parts}
    for name, path in sorted(files.items()):
        # Hash names and contents separately. If they were joined, moving bytes from a name to the content would not
        # change the digest.
        total.update(hashlib.sha256(name.encode()).digest())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _canonical(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys and shortest exact numbers, so that equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
