"""The state of a dataset: the version of the dataset that a node read or wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from kedro.io import MemoryDataset
from pydantic import BaseModel

from podium.lakehouse.handle import CATALOG
from podium.lakehouse.landing import LandingDataset
from podium.lakehouse.sources.raw import OpenedSources, SourceDataset
from podium.lakehouse.table import DeltaDataset, Unchanged

__all__ = ["DatasetKind", "DatasetState", "opened_files", "parameter_values", "state"]

# Keep this many characters of a table's id: enough to tell the table from an earlier table of the same name.
SHORT = 8
# Datasets that read nothing when they are loaded.
NOT_READ = (LandingDataset, SourceDataset)


class DatasetKind(StrEnum):
    """The kind of a dataset: table, file, registry entry, or data in memory (HANDED). The values are OpenLineage's."""

    TABLE = "TABLE"
    FILE = "FILE"
    REGISTRY = "MODEL"
    HANDED = "JOB_OUTPUT"


@dataclass(frozen=True, kw_only=True)
class DatasetState:
    """One version of a dataset, as a node read or wrote it.

    Attributes:
        name: the name in the catalog; for a source file, the file's name.
        kind: a Delta table, a file, an entry of the model registry, or data in memory.
        namespace, path: the dataset's location, by OpenLineage's naming rules.
        version: the number of a table version or model version, or the SHA-256 of a file or candidate; may be empty.
        table_id: the id that Delta gave the table when it was created.
    """

    name: str
    kind: DatasetKind
    namespace: str
    path: str
    version: str = ""
    table_id: str = ""

    @property
    def digest(self) -> str:
        """A text that distinguishes the states of a dataset: ``version@id`` for a table, otherwise the version."""
        return f"{self.version}@{self.table_id[:SHORT]}" if self.table_id else self.version

    @property
    def place(self) -> tuple[str, str]:
        """The location as (namespace, path). It is the same for all versions of the dataset."""
        return self.namespace, self.path

    @property
    def location(self) -> str:
        """The location as one text: a path or an address."""
        return self.path if self.namespace in {"file", "mlflow"} else f"{self.namespace}/{self.path}"


def state(name: str, dataset: Any, version: int | str | None, data: Any) -> DatasetState | None:
    """The state of a dataset that was just loaded or saved; None if there is nothing to record.

    Args:
        name: the name in the catalog.
        dataset: the dataset in the catalog.
        version: the version that the dataset reports as loaded or saved, if any.
        data: the data that were loaded or saved.
    """
    if isinstance(dataset, NOT_READ) or isinstance(data, Unchanged):
        return None  # opened_files records the files of sources, and Unchanged means that nothing was written
    if isinstance(dataset, DeltaDataset):
        if data is None or callable(data):
            return None  # there is no table, or the node decides later whether to load it
        namespace, path = _place(dataset.path)
        return DatasetState(
            # Record a read-only view under the entry that writes the table: lineage finds a table's runs by its name.
            name=dataset.writer or name,
            kind=DatasetKind.TABLE,
            namespace=namespace,
            path=path,
            version=f"{version}",
            table_id=dataset.table_id,
        )
    known = "" if version is None else f"{version}"
    if isinstance(dataset, MemoryDataset):
        return DatasetState(name=name, kind=DatasetKind.HANDED, namespace="memory", path=name)
    if file := getattr(dataset, "filepath", None):
        namespace, path = _place(str(file))
        return DatasetState(name=name, kind=DatasetKind.FILE, namespace=namespace, path=path)
    return DatasetState(name=name, kind=DatasetKind.REGISTRY, namespace="mlflow", path=name, version=known)


def opened_files(outputs: Mapping[str, Any]) -> Iterator[DatasetState]:
    """The states of the source files and tables that a node read, as the opened sources that it returns list them."""
    for opened in (value for value in outputs.values() if isinstance(value, OpenedSources)):
        for location, digest in opened.files.items():
            version, at, table_id = digest.partition("@")
            namespace, path = _place(location)
            yield DatasetState(
                name=location.rpartition("/")[2],
                kind=DatasetKind.TABLE if at else DatasetKind.FILE,
                namespace=namespace,
                path=path,
                version=version,
                table_id=table_id,
            )


def parameter_values(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A node's parameters as JSON values, by their names without ``params:``."""
    return {
        name.removeprefix("params:"): value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        for name, value in inputs.items()
        if name.startswith("params:")
    }


def _place(location: str) -> tuple[str, str]:
    """The namespace and name that OpenLineage prescribes: https://openlineage.io/docs/spec/naming."""
    if location.startswith(CATALOG):
        catalog, schema, *table = location.removeprefix(CATALOG).split("/")
        return "unitycatalog", ".".join([catalog, schema, "_".join(table)])
    where = urlsplit(location)
    return (f"{where.scheme}://{where.netloc}", where.path.lstrip("/")) if where.netloc else ("file", location)
