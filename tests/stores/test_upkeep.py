"""Tables in a bucket are listed, maintained and dropped like those in a folder."""

from datetime import timedelta

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field, Schema, write_deltalake
from deltalake.schema import PrimitiveType
from pyarrow import fs

from podium.lakehouse import engine, storage
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.expiry import ItemKind, drop, find_lots
from podium.lakehouse.files import Folder, open_store
from podium.lakehouse.listing import find_files, find_tables
from podium.lakehouse.maintenance import Work, maintain
from podium.lakehouse.storage import usage
from tests.conftest import SAIL

DELTA = {"type": "podium.lakehouse.table.DeltaDataset", "zone": "bronze", "retention": "1 day"}


@pytest.fixture
def catalog(place):
    """A bucket and its catalog: tables, landed files and a page of problem ``p``, a table of ``q``, other files."""
    for name in ("p/bronze/a", "p/bronze/b", "q/bronze/a"):
        properties = {"podium.retention": "1 day"}
        columns = Schema([Field("n", PrimitiveType("long"))])
        DeltaTable.create(f"{place}/{name}", columns, configuration=properties, raise_if_key_not_exists=False)
        for n in range(3):
            write_deltalake(f"{place}/{name}", pa.table({"n": [n]}), mode="append")
    for name in ("p/landing/x.parquet", "p/reports/eda.html", "p/scratch/notes.txt", "mlflow.db"):
        Folder(place).put_text("something", name)
    page = {"type": "podium.lakehouse.files.PageDataset", "zone": "monitoring"}
    landing = {"type": "podium.lakehouse.landing.LandingDataset", "zone": "bronze"}
    return {
        "{owner}.bronze_{table}": {**DELTA, "path": f"{place}/{{owner}}/bronze/{{table}}"},
        "{owner}.landing": {**landing, "path": f"{place}/{{owner}}/landing"},
        "{owner}.report_{name}": {**page, "filepath": f"{place}/{{owner}}/reports/{{name}}.html"},
    }


def lot_of(catalog, namespace="p"):
    return next((lot for lot in find_lots(catalog) if lot.namespace == namespace), None)


def files(place: str) -> set[str]:
    store, path = open_store(place)
    found = store.get_file_info(fs.FileSelector(path, recursive=True))
    return {info.path.removeprefix(f"{path}/") for info in found if info.type == fs.FileType.File}


def test_tables_and_files_are_listed(place, catalog):
    found = {table.name: (table.path, table.rows, table.version) for table in find_tables(catalog)}
    assert found == {
        "p.bronze_a": (f"{place}/p/bronze/a", 3, 3),
        "p.bronze_b": (f"{place}/p/bronze/b", 3, 3),
        "q.bronze_a": (f"{place}/q/bronze/a", 3, 3),
    }
    assert find_files(catalog, "report_") == {"p.report_eda": f"{place}/p/reports/eda.html"}


def test_a_table_is_maintained(place, catalog, spark):
    engine.configure(SAIL)
    done = maintain(f"{place}/p/bronze/a", Work(hours=0))
    assert (done.before, done.after, done.trouble) == (3, 1, "")
    assert usage(f"{place}/p/bronze/a", without="_delta_log").files == 1
    assert sorted(DeltaTable(f"{place}/p/bronze/a").to_pyarrow_table()["n"].to_pylist()) == [0, 1, 2]


def test_a_drop_removes_exactly_the_tables_and_files_of_the_problem(place, catalog):
    lot = lot_of(catalog)
    before = files(place)
    with pytest.raises(LakehouseError, match="is not inside"):
        list(drop(lot, [f"{place}/q"], lot.expires))
    with pytest.raises(LakehouseError, match="not expired"):
        list(drop(lot, [place], lot.expires - timedelta(seconds=1)))
    assert files(place) == before

    assert len(list(drop(lot, [place], lot.expires))) == 4

    assert lot_of(catalog) is None
    kept = {name for name in before if name.startswith("q/")} | {"p/scratch/notes.txt", "mlflow.db"}
    assert files(place) == kept


class KilledError(Exception):
    """Raised to simulate a kill."""


@pytest.mark.parametrize("survived", [1, 4, 6])
def test_a_killed_drop_is_completed_by_the_next(place, catalog, monkeypatch, survived):
    lot, removed = lot_of(catalog), []

    def remove(store, path, remove=storage._remove_file):
        if len(removed) == survived:
            raise KilledError
        removed.append(path)
        remove(store, path)

    with monkeypatch.context() as patched:
        patched.setattr(storage, "_remove_file", remove)
        with pytest.raises(KilledError):
            list(drop(lot, [place], lot.expires))

    left = lot_of(catalog)
    for item in left.items:
        if item.kind is ItemKind.TABLE:
            DeltaTable(item.path).to_pyarrow_table()
    list(drop(left, [place], left.expires))
    assert not [name for name in files(place) if name.startswith(("p/bronze", "p/landing", "p/reports"))]
