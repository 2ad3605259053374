"""Compute request features for many rows, with the pure function that an application calls for a single request."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from podium.lakehouse.batches import FewOrMany, numpy_columns, with_numbers
from podium.problems.base import RequestFeatures

__all__ = ["add_request_features"]


def add_request_features(rows: FewOrMany, request: RequestFeatures) -> FewOrMany:
    """Add the request features to ``rows`` as columns; rows and other columns stay unchanged."""
    inputs, compute = tuple(request.inputs), request.compute
    names = [feature.name for feature in request.features]

    def features(batch: pa.RecordBatch) -> Iterable[np.ndarray]:
        found = compute(numpy_columns(batch, inputs))
        return [found[name] for name in names]

    return with_numbers(rows, names, features)
