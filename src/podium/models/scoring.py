"""Score rows: many on the engine, where each worker process loads a model only once, and few in this process."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from podium.lakehouse.batches import FewOrMany, numpy_columns, with_numbers

from .loading import load
from .model import Model

__all__ = ["add_scores"]

# Models that this worker process has loaded, by digest.
_loaded: dict[str, Model] = {}


def add_scores(rows: FewOrMany, model: Model, *, digest: str) -> FewOrMany:
    """Add the column ``score`` to ``rows``: the probability of the positive class (double).

    If the engine's workers score, the task carries the model's files, so a worker needs no access to the registry.
    """
    if isinstance(rows, pa.Table):
        return with_numbers(rows, ["score"], lambda batch: [model.score(numpy_columns(batch, model.features))])
    files = _files(model)

    def scores(batch: pa.RecordBatch) -> Iterable[np.ndarray]:
        known = _in_worker(digest, files)
        return [known.score(numpy_columns(batch, known.features))]

    return with_numbers(rows, ["score"], scores)


def _files(model: Model) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as scratch:
        model.save(Path(scratch))
        return {path.name: path.read_bytes() for path in Path(scratch).iterdir()}


def _in_worker(digest: str, files: Mapping[str, bytes]) -> Model:
    if digest not in _loaded:
        with tempfile.TemporaryDirectory() as scratch:
            for name, content in files.items():
                Path(scratch, name).write_bytes(content)
            _loaded[digest] = load(Path(scratch))
    return _loaded[digest]
