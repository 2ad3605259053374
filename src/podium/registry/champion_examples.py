"""The training set of a champion, which may be in an earlier version of its table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.lakehouse import access
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.table import DeltaDataset
from podium.lakehouse.time_travel import why_unreadable

from .runs import WROTE
from .versions import CHAMPION, aliased

__all__ = ["ChampionExamplesDataset"]


class ChampionExamplesDataset(DeltaDataset):
    """The table of training sets, at a version that holds the rows of the champion's ``as_of``. Read-only.

    This is the newest version, unless a changed type caused the table to be overwritten. Then it is the version that
    the champion's training run recorded.

    Args:
        problem: the problem whose champion it is.
        path: where the table lives.
        zone: the part of the lakehouse that it belongs to.
    """

    def __init__(self, *, problem: str, path: str, zone: str, metadata: dict[str, Any] | None = None):
        super().__init__(path=path, zone=zone, metadata=metadata)
        self._problem = problem

    def load(self) -> DataFrame | None:
        """Return the table as a lazy frame; its newest version if there is no champion.

        Raises:
            LakehouseError: no readable version holds the champion's rows; the message names the command to run.
        """
        access.require("read", self.zone, self.path)
        champion = aliased(self._problem, CHAMPION) if self._exists() else None
        self.version = self._version_with_rows_of(champion) if champion else None
        return super().load()

    def save(self, data: Any) -> None:
        """Refuse: only training writes this table, through its own catalog entry."""
        raise LakehouseError(f"The champion's examples in {self.path} are read-only. Save to training_sets_examples.")

    def _version_with_rows_of(self, champion: MlflowVersion) -> int:
        as_of = datetime.fromisoformat(champion.tags["podium.as_of"])
        newest, _ = self._handle.newest()
        recorded = self._recorded(champion)
        why = why_unreadable(self.path, *recorded) if recorded else "its training run recorded no version of this table"
        then = recorded[0] if recorded and not why else None
        if then == newest or self._still_holds(newest, then, as_of):
            return newest
        if then is None:
            raise LakehouseError(self._lost(champion, as_of, f"version {recorded[0]}: {why}" if recorded else why))
        return then

    def _recorded(self, champion: MlflowVersion) -> tuple[int, str] | None:
        """The version of the table that the training run wrote, and the beginning of the table's id."""
        tags = MlflowClient().get_run(str(champion.run_id)).data.tags
        version, _, table_id = tags.get(f"{WROTE}{self._problem}.training_sets_examples", "").partition("@")
        return (int(version), table_id) if version else None

    def _still_holds(self, newest: int, then: int | None, as_of: datetime) -> bool:
        """Whether the newest version has the recorded version's columns and types, and rows of ``as_of``."""
        now = self._handle.read(newest)
        # A missing column means that the table was overwritten because a feature's type changed. New features only add
        # columns.
        same = then is None or set(self._handle.read(then).dtypes) <= set(now.dtypes)
        return same and not now.filter(F.col("as_of") == F.lit(as_of)).isEmpty()

    def _lost(self, champion: MlflowVersion, as_of: datetime, why: str | None) -> str:
        return (
            f"{self.path}: the newest table version lacks the training set as of {as_of:%Y-%m-%d %H:%M} UTC, with "
            f"which the champion (version {champion.version} of {self._problem}) was trained, and no earlier table "
            f"version can be read instead ({why}). Run: kedro run --pipeline training --params "
            f"as_of={as_of:%Y-%m-%dT%H:%M:%S}. If features of this champion have changed their types since, deploy a "
            "new champion instead."
        )
