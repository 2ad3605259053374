"""The landing folder: rows on their way to bronze, which a run that is killed need not read and judge again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import AbstractDataset
from pyspark.sql import DataFrame

from podium.lakehouse import access, engine
from podium.lakehouse.batches import spark_schema
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.files import Folder

__all__ = ["Landing", "LandingDataset"]

# How long landed rows are kept: longer than any run takes, because a run reads its rows until it ends.
KEPT = timedelta(days=2)


class Landing:
    """A folder of rows that are on their way to bronze. The names of its files say what is in them."""

    def __init__(self, url: str):
        self._folder = Folder(url)

    def land(self, name: str, rows: Iterator[pa.RecordBatch], schema: pa.Schema) -> tuple[str, int]:
        """Write rows as Parquet, unless they have landed before. Return their URL and number.

        ``name`` must identify the content.
        """
        target = f"{name}.parquet"
        if not self._folder.has(target):
            with tempfile.TemporaryDirectory() as scratch:
                made = Path(scratch, target)
                with pq.ParquetWriter(made, schema) as writer:
                    for batch in rows:
                        writer.write_batch(batch)
                self._folder.put(made, target)
        with self._folder.open(target) as file:
            return self._folder.url(target), pq.read_metadata(file).num_rows

    def read(self, urls: Sequence[str], schema: pa.Schema) -> DataFrame:
        """The rows that have landed at these URLs, as a lazy frame."""
        reader = engine.session().read.schema(spark_schema(schema))
        return reader.parquet(*[engine.location(url) for url in urls])

    def keep(self, name: str, frame: DataFrame) -> DataFrame:
        """Compute ``frame`` once, and read the stored rows on later calls. ``name`` must identify the content."""
        # First write the rows under a unique name, then a small file that points to them. Readers ignore rows that no
        # pointer names, so a crash between the two writes does no harm.
        pointer = f"{name}.kept"
        if not self._folder.has(pointer):
            kept = f"{name}-{uuid4().hex[:8]}.parquet"
            self._folder.make(kept)  # create the folder here: an engine may create none for a frame without rows
            frame.write.mode("overwrite").parquet(engine.location(self._folder.url(kept)))
            self._folder.put_text(kept, pointer)
        url = self._folder.url(self._folder.text(pointer))
        return engine.session().read.schema(frame.schema).parquet(engine.location(url))

    def tidy(self) -> None:
        """Delete what landed so long ago that no run can still need it."""
        self._folder.delete_older(datetime.now(UTC) - KEPT)


class LandingDataset(AbstractDataset[None, Landing]):
    """The landing folder of an environment, as a catalog entry."""

    def __init__(self, *, path: str, zone: str, metadata: dict[str, Any] | None = None):
        self._path = path
        self.zone = zone
        self.metadata = metadata

    def load(self) -> Landing:
        """Return the landing folder, without reading any file.

        Requires the right to write the zone, because landed rows are not masked, and reading a source writes some.
        """
        access.require("write", self.zone, self._path)
        return Landing(self._path)

    def save(self, data: None) -> None:
        """Always raise: only ``Landing`` adds files to the folder."""
        raise LakehouseError(f"{self._path} is a landing folder, so no node can save to it. Use it as an input.")

    def _describe(self) -> dict[str, Any]:
        return {"path": self._path}
