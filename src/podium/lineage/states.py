"""States: one version of a dataset, as a node found it or left it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from kedro.io import MemoryDataset
from pydantic import BaseModel

from podium.lakehouse.handle import CATALOG
from podium.lakehouse.landing import Landing, LandingDataset
from podium.lakehouse.table import DeltaDataset, Unchanged

__all__ = ["DatasetKind", "DatasetState", "opened_files", "parameter_values", "state"]

# As many of an id's characters tell tables of one name apart.
SHORT = 8


class DatasetKind(StrEnum):
    """What a dataset is."""

    TABLE = "TABLE"
    FILE = "FILE"
    REGISTRY = "MODEL"
    HANDED = "JOB_OUTPUT"


@dataclass(frozen=True, kw_only=True)
class DatasetState:
    """One state of a dataset.

    Attributes:
        name: in the catalog; of a source file, the file's own.
        kind: a Delta table, a file, something in the model registry, or what is only handed from node to node.
        namespace, path: where it is, as OpenLineage names it.
        version: a table's or a model's number, a file's or a candidate's SHA-256; empty where there is none.
        table_id: what Delta called the table when it was made.
    """

    name: str
    kind: DatasetKind
    namespace: str
    path: str
    version: str = ""
    table_id: str = ""

    @property
    def digest(self) -> str:
        """What tells this state from all others of that name; of a table, ``version@id``."""
        return f"{self.version}@{self.table_id[:SHORT]}" if self.table_id else self.version

    @property
    def place(self) -> tuple[str, str]:
        """Where it is, whatever its version and the name of the catalog entry."""
        return self.namespace, self.path

    @property
    def location(self) -> str:
        """Where it is, as a person writes it."""
        return self.path if self.namespace in {"file", "mlflow"} else f"{self.namespace}/{self.path}"


def state(name: str, dataset: Any, version: int | str | None, data: Any) -> DatasetState | None:
    """The state of a dataset that was just loaded or saved; None where there is nothing to record.

    Args:
        name: in the catalog.
        dataset: what the catalog has by that name.
        version: that the dataset says it has loaded or saved, if it knows of any.
        data: what went through it.
    """
    if isinstance(dataset, LandingDataset) or isinstance(data, Unchanged):
        return None  # the files in it are recorded, one by one; and nothing was written
    if isinstance(dataset, DeltaDataset):
        if data is None:
            return None
        namespace, path = _place(dataset.path)
        return DatasetState(
            name=name,
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


def opened_files(inputs: Mapping[str, Any]) -> Iterator[DatasetState]:
    """The source files that a node opened through what it was given."""
    for landing in (value for value in inputs.values() if isinstance(value, Landing)):
        for path, digest in landing.opened.items():
            yield DatasetState(
                name=path.name, kind=DatasetKind.FILE, namespace="file", path=str(path.resolve()), version=digest
            )


def parameter_values(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A node's parameters as JSON has them, by name without ``params:``."""
    return {
        name.removeprefix("params:"): value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        for name, value in inputs.items()
        if name.startswith("params:")
    }


def _place(location: str) -> tuple[str, str]:
    """Namespace and name, as OpenLineage's naming has them: https://openlineage.io/docs/spec/naming."""
    if location.startswith(CATALOG):
        catalog, schema, *table = location.removeprefix(CATALOG).split("/")
        return "unitycatalog", ".".join([catalog, schema, "_".join(table)])
    where = urlsplit(location)
    return (f"{where.scheme}://{where.netloc}", where.path.lstrip("/")) if where.netloc else ("file", location)
