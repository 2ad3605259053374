"""The schema of ``conf/<env>/spark.yml``, and the choice of the engine."""

from __future__ import annotations

import logging
import os
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

__all__ = ["EngineSettings"]

logger = logging.getLogger(__name__)

# For each engine: which of the fields master and remote it requires, and which it also allows.
NEEDS = {
    "sail": (set(), set()),
    "spark": ({"master"}, set()),
    "connect": ({"remote"}, set()),
    "databricks": (set(), set()),
    "cluster": (set(), {"master", "remote"}),
}
LOCAL = "local[*]"


class EngineSettings(BaseModel):
    """The engine of an environment, and its settings.

    Attributes:
        engine: ``sail`` (in this process, without Java), ``spark`` (a driver in a separate JVM), ``connect`` (any Spark
            Connect server), ``databricks`` (the session of its runtime, or of databricks-connect), or ``cluster``:
            ``connect`` if ``remote`` is set, otherwise ``spark``; on Databricks its runtime.
        master: for ``spark``: ``local[2]``, ``spark://host:7077``, ``yarn``, ``k8s://…``.
        remote: for ``connect``: ``sc://host:15002``, with parameters such as ``;token=…`` if the server requires them.
        config: Spark settings of the session.
        roots: the roots of the environment's tables and files. Spark needs more jars for some object stores.
        log: the file for the JVM's output.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["sail", "spark", "connect", "databricks", "cluster"]
    master: str | None = None
    remote: str | None = None
    config: dict[str, str] = {}
    roots: tuple[str, ...] = ()
    log: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> EngineSettings:
        needed, allowed = NEEDS[self.engine]
        given = {name for name in ("master", "remote") if getattr(self, name)}
        if missing := needed - given:
            raise ValueError(f"the engine {self.engine!r} needs {' and '.join(sorted(missing))}; set it in spark.yml")
        if other := given - needed - allowed:
            raise ValueError(f"the engine {self.engine!r} takes no {' and no '.join(sorted(other))}; remove it")
        if given == {"master", "remote"}:
            raise ValueError(
                f"two clusters are named, {self.remote} and {self.master}; unset SPARK_REMOTE or PODIUM_SPARK_MASTER"
            )
        if self.remote and not self.remote.startswith("sc://"):
            raise ValueError(f"remote {self.remote!r} is not a Spark Connect address; write it as sc://host:15002")
        if self.master and self.master.startswith("sc://"):
            raise ValueError(f"master {self.master!r} is a Spark Connect address; set it as remote, or in SPARK_REMOTE")
        return self

    @property
    def on_databricks(self) -> bool:
        """Whether the session is a Databricks session. On Databricks, local Spark means the runtime's Spark."""
        machine = self.engine in ("cluster", "spark") and not self.remote and (self.master or LOCAL).startswith("local")
        return self.engine == "databricks" or (machine and "DATABRICKS_RUNTIME_VERSION" in os.environ)

    @property
    def meant(self) -> str:
        """The engine that is really used, never ``cluster``. On Databricks, local Spark becomes ``databricks``."""
        if self.on_databricks:
            return "databricks"
        if self.engine != "cluster":
            return self.engine
        return "connect" if self.remote else "spark"

    def named(self) -> EngineSettings:
        """The settings, with the engine that ``meant`` returns. Warns if a cluster is expected but none is named."""
        if self.on_databricks:
            return self.model_copy(update={"engine": self.meant, "master": None})
        if self.engine != "cluster":
            return self
        if self.remote or self.master:
            return self.model_copy(update={"engine": self.meant})
        logger.warning(
            "NO CLUSTER IS NAMED: this environment runs on local Spark, on this machine alone. Name a cluster in "
            "SPARK_REMOTE (sc://host:15002) or PODIUM_SPARK_MASTER (spark://host:7077), or run podium cluster start."
        )
        return self.model_copy(update={"engine": "spark", "master": LOCAL})
