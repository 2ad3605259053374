"""Score the rows of a table on the engine (Sail or Spark). Each worker process loads a model only once."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame

from podium.lakehouse.batches import gathered, numpy_columns

from .loading import load
from .model import Model

__all__ = ["add_scores"]

# Models that this worker process has loaded, by digest.
_loaded: dict[str, Model] = {}


def add_scores(frame: DataFrame, model: Model, *, digest: str) -> DataFrame:
    """Add the column ``score`` to ``frame``: the probability of the positive class (double).

    The task carries the model's files, so a worker needs no access to the registry.
    """
    files = _files(model)

    def in_worker(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        known = _in_worker(digest, files)
        for batch in gathered(batches):
            score = pa.array(known.score(numpy_columns(batch, known.features)), pa.float64())
            yield pa.RecordBatch.from_arrays([*batch.columns, score], [*batch.schema.names, "score"])

    fields = ", ".join(f"`{field.name}` {field.dataType.simpleString()}" for field in frame.schema.fields)
    return frame.mapInArrow(in_worker, f"{fields}, score double")


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
