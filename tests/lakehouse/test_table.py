"""Each mode of saving and the refusals before a write, in detail on Sail.

``tests/engines`` tests each mode, and each kind of refusal, on every engine.
"""

import shutil

import pytest
from pyspark.errors.exceptions.connect import SparkConnectException

from podium.errors import PodiumError
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.table import DeltaDataset, Mode, Rows, Unchanged
from tests.saves import BEFORE, SAVES


@pytest.fixture
def filled(table, rows) -> DeltaDataset:
    """The table with three rows."""
    dataset = table("overwrite")
    dataset.save(rows(*BEFORE))
    return dataset


@pytest.mark.parametrize("mode", sorted(set(SAVES) - {"append"}))
def test_a_repeated_save_changes_nothing(filled, table, rows, stored, mode):
    new, window, expected = SAVES[mode]

    for _ in range(3):
        table(mode).save(Rows(frame=rows(*new), window=window))

    assert stored() == sorted(expected, key=str)


def test_a_table_that_was_dropped_and_made_anew_is_read_anew(filled, table, rows, stored, tmp_path):
    """Although this process has read the log of the former table, which was as long."""
    filled.load()
    former = filled.table_id
    shutil.rmtree(tmp_path / "table")
    other = table("overwrite")
    other.save(rows((9, "new")))

    assert [row.k for row in filled.load().collect()] == [9]
    assert filled.table_id == other.table_id != former


@pytest.mark.parametrize("mode", SAVES)
def test_the_first_save_creates_the_table(table, rows, stored, mode):
    new, window, _ = SAVES[mode]

    table(mode).save(Rows(frame=rows(*new), window=window))

    assert stored() == sorted(new, key=str)


def test_rows_can_override_keys_and_mode(filled, table, rows, stored):
    table("append").save(Rows(frame=rows((1, "x")), keys=("k",), mode=Mode.MERGE))

    assert stored() == [(1, "x"), (2, "b"), (3, "c")]


def test_columns_are_matched_by_name(filled, table, rows, stored):
    for mode, window in (("append", None), ("merge", None), ("replace", "k = 7")):
        table(mode).save(Rows(frame=rows(("g", 7), schema="v string, k int"), window=window))

    assert stored() == [*BEFORE, (7, "g")]


def test_unchanged_writes_nothing(filled):
    before = filled.delta().version()

    filled.save(Unchanged("nothing is new"))

    assert filled.delta().version() == filled.saved_version == before


def test_a_table_is_partitioned_as_asked(table, rows):
    dataset = table("append", partition_by=["k"])
    dataset.save(rows(*BEFORE))

    assert dataset.delta().metadata().partition_columns == ["k"]
    assert len(dataset.delta().file_uris()) == 3


@pytest.mark.parametrize("mode", ["append", "merge", "insert"])
def test_a_table_that_evolves_takes_a_new_column(filled, table, rows, stored, mode):
    table(mode, evolve=True).save(rows((4, "d", 0.5), schema="k int, v string, w double"))

    assert stored() == [(1, "a", None), (2, "b", None), (3, "c", None), (4, "d", 0.5)]


@pytest.mark.parametrize("mode", ["append", "merge", "insert", "replace"])
def test_a_table_that_evolves_takes_rows_that_lack_a_column(filled, table, rows, stored, mode):
    table(mode, evolve=True).save(Rows(frame=rows((4,), schema="k int"), window="k = 4"))

    assert stored() == [(1, "a"), (2, "b"), (3, "c"), (4, None)]


def test_replacing_a_window_of_an_evolving_table_can_add_a_column(filled, table, rows, stored):
    table("replace", evolve=True).save(Rows(frame=rows((1, 0.5), schema="k int, w double"), window="k = 1"))

    assert stored() == [(1, None, 0.5), (2, "b", None), (3, "c", None)]


REFUSED = {
    "missing column": ("k int", (1,), "column v is missing"),
    "column too many": ("k int, v string, w int", (1, "a", 2), "column w is not in the table"),
    "another type": ("k bigint, v string", (1, "a"), "column k is bigint, the table has int"),
    "another case": ("k int, V string", (1, "a"), "column v is missing; column V is not in the table"),
}


@pytest.mark.parametrize("mode", ["append", "merge", "insert", "replace"])
@pytest.mark.parametrize("what", REFUSED)
def test_rows_that_do_not_fit_are_refused(filled, table, rows, mode, what):
    schema, row, message = REFUSED[what]
    before = filled.delta().version()

    with pytest.raises(LakehouseError, match=message) as refused:
        table(mode).save(Rows(frame=rows(row, schema=schema), window="k = 1"))

    assert "nothing was written" in str(refused.value)
    assert str(filled.path) in str(refused.value)
    assert filled.delta().version() == before


def test_a_type_change_replaces_all_rows_and_keeps_old_versions(filled, table, rows, stored):
    dataset = table("replace", evolve="types")
    dataset.save(Rows(frame=rows((4, "d", 0.5), schema="k int, v string, w double"), window="k = 4"))
    before = dataset.saved_version

    for _ in range(2):  # the types change only in the first save
        dataset.save(Rows(frame=rows((4, 7, True), schema="k int, v bigint, x boolean"), window="k = 4"))
        assert stored() == [(4, 7, True)]

    dataset.save(Rows(frame=rows((5, 8), schema="k int, v bigint"), window="k = 5"))
    assert stored() == [(4, 7, True), (5, 8, None)]
    assert all(field.nullable for field in dataset.delta().schema().fields)
    then = table(version=before).load().orderBy("k").toPandas()
    assert list(then["v"]) == ["a", "b", "c", "d"]


def test_a_row_outside_of_the_window_is_refused_even_if_a_type_changes(filled, table, rows, stored):
    with pytest.raises(LakehouseError, match="nothing was written, because a row lies outside of the window k = 4"):
        table("replace", evolve="types").save(Rows(frame=rows((4, 1), (5, 2), schema="k int, v int"), window="k = 4"))

    assert stored() == sorted(BEFORE, key=str)


@pytest.mark.parametrize("mode", ["append", "merge", "insert"])
def test_types_change_only_in_mode_replace(filled, table, rows, mode):
    with pytest.raises(LakehouseError, match="column v is int, the table has string"):
        table(mode, evolve="types").save(rows((1, 2), schema="k int, v int"))


def test_a_table_that_evolves_still_refuses_another_type(filled, table, rows):
    with pytest.raises(LakehouseError, match="column v is int, the table has string"):
        table("merge", evolve=True).save(rows((1, 2), schema="k int, v int"))


INCOMPLETE = {
    "merge without keys": ("merge", {"keys": []}, None, "merge needs key columns"),
    "insert without keys": ("insert", {"keys": []}, None, "insert needs key columns"),
    "keys that are no columns": ("merge", {"keys": ["kk"]}, None, r"no key column kk \(did you mean 'k'\?\)"),
    "replace without window": ("replace", {}, None, "replace needs the window"),
}


@pytest.mark.parametrize("what", INCOMPLETE)
@pytest.mark.parametrize("there", [True, False])
def test_a_save_without_the_keys_or_window_of_its_mode_is_refused(request, table, rows, what, there):
    """The save is refused even if the table does not exist yet, so that the mistake shows at the first save."""
    if there:
        request.getfixturevalue("filled")
    mode, settings, window, message = INCOMPLETE[what]
    dataset = table(mode, **settings)

    with pytest.raises(LakehouseError, match=message):
        dataset.save(Rows(frame=rows((1, "x")), window=window))

    assert dataset.exists() is there
    assert not there or dataset.delta().version() == 1


def test_a_race_lost_in_every_attempt_is_reported(table, rows, monkeypatch):
    def lost(*_, **__):
        raise SparkConnectException("Failed to commit transaction: 0.")

    monkeypatch.setattr(DeltaDataset, "_write", lost)
    with pytest.raises(
        PodiumError, match="nothing was written, because other writers committed first in all 2 attempts"
    ):
        table(attempts=2).save(rows((1, "a")))
