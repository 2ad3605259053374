"""All uses of other libraries' private names. Ruff's rule SLF001 refuses private names in any other module.

Each function says with which version it was checked, and why there is no public way. When a library changes, the test
of that function in tests/test_private_names.py fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from kedro.io import CachedDataset
    from kedro.pipeline.node import Node

__all__ = ["cached", "forget_driver", "forget_gateway", "result_pieces", "viz_id"]


def cached(dataset: CachedDataset) -> Any:
    """Return the dataset inside a CachedDataset.

    Kedro 1.7.0: the wrapper has no public attribute for it, and the access rules are about the dataset inside.
    """
    return dataset._dataset


def forget_driver() -> None:
    """Make PySpark forget a driver whose JVM is gone.

    PySpark 4.2.0: ``stop`` asks the JVM, so it fails if the JVM is gone, and the next session would reuse what is left.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    SparkContext._active_spark_context = None
    SparkSession._instantiatedSession = SparkSession._activeSession = None


def forget_gateway() -> None:
    """Make PySpark forget the JVM that it is connected to.

    PySpark 4.2.0: it keeps the JVM of a stopped session for the next one, with the settings of the first.
    """
    from pyspark import SparkContext

    SparkContext._gateway = SparkContext._jvm = None


def result_pieces(frame: Any) -> Iterator[pa.Schema | pa.Table]:
    """Yield the schema of a Spark Connect frame, then its rows, piece by piece as the server sends them.

    PySpark 4.2.0: ``toArrow`` holds the whole result in memory, and ``toLocalIterator`` makes Python rows of it, with
    timestamps in the machine's time zone.
    """
    client = frame.sparkSession.client
    return client.to_table_as_iterator(frame._plan.to_proto(client), {})


def viz_id(of: Node | str) -> str:
    """Return the id under which kedro-viz looks up the status of a node or a dataset.

    kedro-viz 12.5.0: it does not document this function, nor the files that it reads the status from.
    """
    from kedro_viz.integrations.kedro.hooks_utils import hash_node

    return hash_node(of)
