"""Tables and files in a bucket work as in a folder, on each engine."""

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from podium.lakehouse import engine
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.files import Folder, PageDataset
from podium.lakehouse.landing import Landing
from podium.lakehouse.sources import FilesSource, files
from podium.lakehouse.table import Rows
from tests.conftest import SAIL
from tests.saves import BEFORE, SAVES


@pytest.fixture
def filled(place):
    """The table with three rows, written by delta-rs."""
    keys, values = zip(*BEFORE, strict=True)
    write_deltalake(f"{place}/table", pa.table({"k": pa.array(keys, pa.int32()), "v": values}))


# On one engine, all modes commit in the same way, so Spark is tested with two of them.
ON_SAIL = [("sail", mode) for mode in SAVES]
ON_SPARK = [pytest.param("spark", mode, marks=pytest.mark.spark) for mode in ("merge", "replace")]


@pytest.mark.parametrize(("engine_name", "mode"), [*ON_SAIL, *ON_SPARK], indirect=["engine_name"])
def test_a_save_does_what_its_mode_says(engine_name, filled, table, rows, stored, mode):
    new, window, expected = SAVES[mode]

    dataset = table(mode)
    dataset.save(Rows(frame=rows(*new), window=window))

    assert stored() == sorted(expected, key=str)
    assert dataset.delta().version() == dataset.saved_version == 1
    assert sorted(map(tuple, dataset.load().collect()), key=str) == stored()


def test_the_first_save_creates_the_table_and_versions_are_kept(engine_name, table, rows):
    dataset = table("append")
    assert not dataset.exists()
    dataset.save(rows(*BEFORE))
    first = dataset.saved_version
    dataset.save(rows((4, "d")))

    assert table(version=first).load().count() == 3
    assert table().load().count() == 4


def test_rows_that_do_not_fit_are_refused(spark, filled, table, rows, stored):
    with pytest.raises(LakehouseError, match="column k is bigint, the table has int"):
        table("merge").save(rows((1, "x"), schema="k bigint, v string"))

    assert stored() == BEFORE


def test_a_table_that_evolves_takes_a_new_column(engine_name, filled, table, rows, stored):
    table("merge", evolve=True).save(rows((4, "d", 0.5), schema="k int, v string, w double"))

    assert stored() == [(1, "a", None), (2, "b", None), (3, "c", None), (4, "d", 0.5)]


@pytest.mark.spark
def test_engines_write_to_each_others_tables(table, rows, stored, on_spark):
    """Each engine reads and merges into rows that the other has written."""
    try:
        for value, settings in (("sail", SAIL), ("spark", on_spark), ("sail again", SAIL), ("spark again", on_spark)):
            engine.configure(settings)
            table("merge").save(rows((1, value), (len(value), "own")))
            assert sorted(map(tuple, table().load().collect()), key=str) == stored()
    finally:
        engine.configure(SAIL)

    assert stored() == sorted([(1, "spark again"), *((length, "own") for length in (4, 5, 10, 11))], key=str)


def test_files_land_once(engine_name, place, tmp_path, monkeypatch):
    """A large file of a source becomes Parquet, which the engine reads."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "people.csv").write_text("code,name\n1,Ann\n2,NA\nthree\n")
    monkeypatch.setattr(files, "SMALL", 0)
    people = FilesSource(path=str(source), pattern="people*").load()

    for _ in range(2):
        rows = people.new(("code", "name"), {}, Landing(f"{place}/landing")).rows
        found = sorted(map(tuple, rows.select("code", "name", "row", "malformed").collect()), key=str)

    assert found == [("1", "Ann", 1, None), ("2", None, 2, None), (None, None, 3, "three")]


def test_files_of_a_store_are_a_source(engine_name, place):
    for name, text in (("people-1.csv", "code,name\n1,Ann\n"), ("people-2.csv", "code,name\n2,Bob\n")):
        Folder(f"{place}/source").put_text(text, name)
    people = FilesSource(path=f"{place}/source", pattern="people*").load()

    first = people.new(("code", "name"), {}, Landing(f"{place}/landing"))
    Folder(f"{place}/source").put_text("code,name\n3,Eve\n", "people-3.csv")
    second = people.new(("code", "name"), first.bookmarks, Landing(f"{place}/landing"))

    assert first.rows["name"].to_pylist() == ["Ann", "Bob"]
    assert second.rows["name"].to_pylist() == ["Eve"]
    assert people.new(("code", "name"), first.bookmarks | second.bookmarks, Landing(f"{place}/landing")).rows is None


@pytest.mark.parametrize("count", [0, 3])
def test_a_kept_frame_is_computed_once(engine_name, place, rows, count):
    """This includes a frame without rows, for which an engine writes no file."""
    landing = Landing(f"{place}/landing")

    kept = landing.keep("judged-1", rows(*BEFORE[:count]))
    again = landing.keep("judged-1", rows((7, "other")))

    assert sorted(map(tuple, kept.collect())) == sorted(map(tuple, again.collect())) == BEFORE[:count]


def test_a_page_is_written_and_read(server, place):
    page = PageDataset(filepath=f"{place}/reports/eda.html", zone="monitoring")
    assert not page.exists()

    for text in ("<p>first</p>", "<p>größer</p>"):
        page.save(text)

    assert page.load() == "<p>größer</p>"
