"""Compute request features for many rows, with the pure function that an application calls for a single request."""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame

from podium.lakehouse.batches import gathered, numpy_columns
from podium.problems.base import RequestFeatures

__all__ = ["add_request_features"]


def add_request_features(frame: DataFrame, request: RequestFeatures) -> DataFrame:
    """Add the request features to ``frame`` as columns; rows and other columns stay unchanged."""
    inputs, compute = tuple(request.inputs), request.compute
    names = [feature.name for feature in request.features]

    def in_worker(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in gathered(batches):
            found = compute(numpy_columns(batch, inputs))
            arrays = [pa.array(found[name], pa.float64()) for name in names]
            yield pa.RecordBatch.from_arrays([*batch.columns, *arrays], [*batch.schema.names, *names])

    kept = [f"`{field.name}` {field.dataType.simpleString()}" for field in frame.schema.fields]
    added = [f"`{name}` double" for name in names]
    return frame.mapInArrow(in_worker, ", ".join([*kept, *added]))
