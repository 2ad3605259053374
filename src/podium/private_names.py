"""The only module that uses private names of other libraries: ruff's rule SLF001 refuses them everywhere else.

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

__all__ = ["CONNECTION_FILE", "cached", "forget_driver", "forget_gateway", "query_arguments", "result_pieces", "viz_id"]

# PySpark 4.2.0: the environment variable with the path of the file in which spark-submit leaves the port and the secret
# of its JVM. Only PySpark's own start of the JVM uses it, and that start forks (engines/jvm.py says why not to fork).
CONNECTION_FILE = "_PYSPARK_DRIVER_CONN_INFO_PATH"


def cached(dataset: CachedDataset) -> Any:
    """Return the dataset that a Kedro CachedDataset wraps.

    Kedro 1.7.0: the wrapper has no public attribute for the wrapped dataset, which the access rules are about.
    """
    return dataset._dataset


def query_arguments(dataset: Any) -> dict[str, Any] | None:
    """The arguments with which a ``pandas.SQLQueryDataset`` loads, ``sql`` among them; None for other datasets.

    kedro-datasets 9.5: the dataset has no public attribute for its query, and its parameters cannot be set on loading.
    """
    arguments = getattr(dataset, "_load_args", None)
    return arguments if isinstance(arguments, dict) and isinstance(arguments.get("sql"), str) else None


def forget_driver() -> None:
    """Make PySpark drop its references to a driver whose JVM has ended.

    PySpark 4.2.0: ``stop`` calls the JVM, so it fails if the JVM has ended. The next session would then reuse the dead
    context.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    SparkContext._active_spark_context = None
    SparkSession._instantiatedSession = SparkSession._activeSession = None


def forget_gateway() -> None:
    """Make PySpark drop its connection to the JVM, so that the next session starts a new JVM.

    PySpark 4.2.0: it keeps the JVM of a stopped session for the next session, which then gets the first one's settings.
    """
    from pyspark import SparkContext

    SparkContext._gateway = SparkContext._jvm = None


def result_pieces(frame: Any) -> Iterator[pa.Schema | pa.Table]:
    """Yield the schema of a Spark Connect frame, then its rows as Arrow tables, one for each batch from the server.

    PySpark 4.2.0: ``toArrow`` holds the whole result in memory, and ``toLocalIterator`` converts it to Python rows,
    with timestamps in the machine's time zone.
    """
    client = frame.sparkSession.client
    return client.to_table_as_iterator(frame._plan.to_proto(client), {})


def viz_id(of: Node | str) -> str:
    """Return the id under which kedro-viz looks up the status of a node or a dataset.

    kedro-viz 12.5.0: neither this function nor the status files that kedro-viz reads are documented.
    """
    from kedro_viz.integrations.kedro.hooks_utils import hash_node

    return hash_node(of)
