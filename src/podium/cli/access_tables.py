"""List the Delta tables of all pipelines by their Unity Catalog names, with the columns that their definitions name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from podium.registered import domains, problems

if TYPE_CHECKING:
    from podium.lakehouse.access.sql import CatalogTable

    from .project import Project

__all__ = ["catalog_tables"]

# The type of every dataset that the catalog does not name: Kedro keeps such a dataset in memory.
OTHERS = {"{default}": {"type": "kedro.io.MemoryDataset"}}


def catalog_tables(project: Project) -> Iterator[CatalogTable]:
    """Yield the Delta tables of all pipelines.

    The table in ``<root>/<namespace>/<zone>/<table>`` gets the name ``<namespace>.<zone>_<table>``.
    """
    from kedro.io.catalog_config_resolver import CatalogConfigResolver

    from podium.lakehouse.access.sql import CatalogTable
    from podium.lakehouse.listing import DATASET
    from podium.pipeline_registry import register_pipelines

    entries = {name: entry for name, entry in project.section("catalog").items() if not name.startswith("_")}
    resolver = CatalogConfigResolver(entries, default_runtime_patterns=OTHERS)
    for dataset in sorted(register_pipelines()["__default__"].datasets()):
        entry = resolver.resolve_pattern(dataset)
        if entry.get("type") == DATASET:
            schema, *steps = entry["path"].removeprefix(f"{project.root}/").split("/")
            columns = tuple(_columns(schema, entry["zone"], steps[-1]))
            yield CatalogTable(schema, "_".join(steps), entry["zone"], columns)


def _columns(namespace: str, zone: str, table: str) -> list[str]:
    """The names of the columns in a table's definition. Empty if the table has no definition."""
    from podium.pipelines.eda.profile import SCHEMA as PROFILE

    if zone == "bronze":
        return _names(domains()[namespace].event(table).bronze_schema)
    if zone == "features":
        found = [each for each in domains()[namespace].tables if each.name == table]
        return [name for each in found for name in (*each.entity, *(feature.name for feature in each.features))]
    if zone in {"training_sets", "predictions"}:
        problem = problems()[namespace]
        return [*problem.keys, *problem.feature_names]
    return {"rows": ["rule", "received"], "profile": _names(PROFILE)}.get(table, [])


def _names(schema: str) -> list[str]:
    return [column.split()[0] for column in schema.split(", ")]
