"""The training set of the champion, read from a version of the Delta table that still contains it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.lakehouse import access
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.run_command import run_command
from podium.lakehouse.table import DeltaDataset
from podium.lakehouse.time_travel import why_unreadable

from .runs import WROTE
from .versions import CHAMPION, aliased

__all__ = ["ChampionExamplesDataset"]


class ChampionExamplesDataset(DeltaDataset):
    """A read-only dataset: the table of training sets, at a table version that contains the champion's training set.

    Usually that is the newest table version. If the table was overwritten because a feature's type changed, it is the
    table version that the champion's training run recorded.

    Args:
        problem: the problem whose champion it is.
        path: where the table lives.
        zone: the part of the lakehouse that it belongs to.
    """

    def __init__(self, *, problem: str, path: str, zone: str, metadata: dict[str, Any] | None = None):
        super().__init__(path=path, zone=zone, metadata=metadata)
        self._problem = problem

    def load(self) -> DataFrame | None:
        """Return the table as a lazy frame. Without a champion, return the newest table version.

        Raises:
            LakehouseError: no readable version holds the champion's rows; the message names the command to run.
        """
        access.require("read", self.zone, self.path)
        champion = aliased(self._problem, CHAMPION) if self._exists() else None
        self.version = self._version_with_rows_of(champion) if champion else None
        return super().load()

    def save(self, data: Any) -> None:
        """Always raise an error: only training writes this table, and it uses another catalog entry."""
        raise LakehouseError(
            f"{self._problem}.champion_examples is a read-only view of {self.path}. To write a training set, save to "
            f"{self._problem}.training_sets_examples."
        )

    def _version_with_rows_of(self, champion: MlflowVersion) -> int:
        as_of = datetime.fromisoformat(champion.tags["podium.as_of"])
        newest, _ = self._handle.newest()
        recorded = self._recorded(champion)
        why = why_unreadable(self.path, *recorded) if recorded else "the training run recorded no version of this table"
        then = recorded[0] if recorded and not why else None
        if then == newest or self._still_holds(newest, then, as_of):
            return newest
        if then is None:
            raise LakehouseError(self._lost(champion, as_of, f"version {recorded[0]}: {why}" if recorded else why))
        return then

    def _recorded(self, champion: MlflowVersion) -> tuple[int, str] | None:
        """The table version that the champion's training run wrote, and the start of the table's id, if recorded."""
        tags = MlflowClient().get_run(str(champion.run_id)).data.tags
        version, _, table_id = tags.get(f"{WROTE}{self._problem}.training_sets_examples", "").partition("@")
        return (int(version), table_id) if version else None

    def _still_holds(self, newest: int, then: int | None, as_of: datetime) -> bool:
        """Whether the newest version has rows of ``as_of``, and all columns and types of the version ``then``."""
        now = self._handle.read(newest)
        # If a column is missing or has another type, the newest version cannot replace the version that training wrote:
        # a feature's type has changed, so the table was overwritten. A new feature does no harm: it only adds a column.
        same = then is None or set(self._handle.read(then).dtypes) <= set(now.dtypes)
        return same and not now.filter(F.col("as_of") == F.lit(as_of)).isEmpty()

    def _lost(self, champion: MlflowVersion, as_of: datetime, why: str | None) -> str:
        return (
            f"The champion (version {champion.version} of {self._problem}) was trained on the training set as of "
            f"{as_of:%Y-%m-%d %H:%M} UTC. The newest version of {self.path} lacks this training set, and no earlier "
            f"version of the table can be read instead ({why}). To build the training set again, run: "
            f"{run_command('training', as_of=as_of)}. If a feature of this champion has changed its type since, deploy "
            "a new champion instead."
        )
