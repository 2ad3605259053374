"""The training set of the champion, read from the version of the Delta table that the champion was trained on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.lakehouse import access
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.run_command import run_command
from podium.lakehouse.table import DeltaDataset
from podium.lakehouse.time_travel import why_unreadable

from .lookups import runs
from .runs import WROTE
from .versions import CHAMPION, aliased

__all__ = ["ChampionExamplesDataset", "LazyChampionExamplesDataset"]

logger = logging.getLogger(__name__)


class ChampionExamplesDataset(DeltaDataset):
    """A read-only dataset: the table of training sets, at a table version that contains the champion's training set.

    That is the table version that the champion's training run recorded. If it cannot be read any more, it is the newest
    table version, provided that this has rows of the champion's ``as_of``.

    Args:
        problem: the problem whose champion it is.
        path: where the table lives.
        zone: the part of the lakehouse that it belongs to.
    """

    def __init__(self, *, problem: str, path: str, zone: str, metadata: dict[str, Any] | None = None):
        super().__init__(path=path, zone=zone, metadata=metadata)
        self._problem = problem
        self.writer = f"{problem}.training_sets_examples"

    def load(self) -> DataFrame | None:
        """Return the table as a lazy frame. Without a champion, return the newest table version.

        Columns that the table has gained since are null.

        Raises:
            LakehouseError: no readable version holds the champion's rows; the message names the command to run.
        """
        access.require("read", self.zone, self.path)
        champion = aliased(self._problem, CHAMPION) if self._exists() else None
        self.version = self._version_with_rows_of(champion) if champion else None
        frame = super().load()
        if champion and frame is not None:
            for field in self._handle.schema().fields:
                if field.name not in frame.columns:
                    frame = frame.withColumn(field.name, F.lit(None).cast(field.dataType))
        return frame

    def save(self, data: Any) -> None:
        """Always raise an error: only training writes this table, and it uses another catalog entry."""
        raise LakehouseError(
            f"{self._problem}.champion_examples is a read-only view of {self.path}. To write a training set, save to "
            f"{self.writer}."
        )

    def _version_with_rows_of(self, champion: MlflowVersion) -> int:
        as_of = datetime.fromisoformat(champion.tags["podium.as_of"])
        training = MlflowClient().get_run(str(champion.run_id))
        version, _, table_id = training.data.tags.get(f"{WROTE}{self.writer}", "").partition("@")
        why: str | None = "the training run recorded no version of this table"
        if version:
            why = why_unreadable(self.path, int(version), table_id) or self._why_no_rows(int(version), as_of)
            if why is None:
                return int(version)
            why = f"version {version}: {why}"
        newest, _ = self._handle.newest()
        if not self._count(newest, as_of):
            raise LakehouseError(self._lost(champion, as_of, why))
        if not version or self._rewritten(training, champion):
            logger.warning(
                "The rows that the champion (version %s of %s) was trained on cannot be read (%s). The rows as of %s "
                "UTC in version %s of %s are used instead, but they may differ. To be sure, train and deploy a new "
                "champion.",
                champion.version,
                self._problem,
                why,
                f"{as_of:%Y-%m-%d %H:%M}",
                newest,
                self.path,
            )
        return newest

    def _why_no_rows(self, version: int, as_of: datetime) -> str | None:
        """Explain why the rows of ``as_of`` cannot be read from a table version. None if they can."""
        try:
            return None if self._count(version, as_of) else "it has no rows of this training set"
        except (PySparkException, Py4JError) as error:
            return "the engine cannot read it, " + str(error).partition("\n")[0]

    def _count(self, version: int, as_of: datetime) -> int:
        # Count the rows instead of looking for one. In Unity Catalog, only a read of all files shows that one is gone.
        mine = self._handle.read(version).filter(F.col("as_of") == F.lit(as_of))
        counted: int = mine.agg(F.count("as_of")).toArrow()[0][0].as_py()
        return counted

    def _rewritten(self, training: Run, champion: MlflowVersion) -> bool:
        """Whether MLflow has a later run that wrote the training set of the champion's ``as_of`` again."""
        query = f"tags.`{WROTE}{self.writer}` LIKE '%' and tags.`podium.as_of` = '{champion.tags['podium.as_of']}'"
        newest = runs(MlflowClient(), query, most=1)
        return bool(newest) and newest[0].info.start_time > training.info.start_time

    def _lost(self, champion: MlflowVersion, as_of: datetime, why: str | None) -> str:
        return (
            f"The champion (version {champion.version} of {self._problem}) was trained on the training set as of "
            f"{as_of:%Y-%m-%d %H:%M} UTC. The newest version of {self.path} lacks this training set, and no earlier "
            f"version of the table can be read instead ({why}). To build the training set again, run: "
            f"{run_command('training', as_of=as_of)}. If a feature of this champion has changed its type since, deploy "
            "a new champion instead."
        )


class LazyChampionExamplesDataset(ChampionExamplesDataset):
    """The same dataset for a node that seldom needs it: loading returns a function that loads the rows."""

    def load(self) -> Callable[[], DataFrame | None]:  # type: ignore[override]
        """Return the function. It raises what ``ChampionExamplesDataset.load`` raises."""
        return super().load
