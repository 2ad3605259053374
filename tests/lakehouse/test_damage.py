"""The broken file of a damaged table is found, and the advice in the error restores the last good version."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from kedro.io import DatasetError
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from podium.lakehouse import handle, refusals
from podium.lakehouse.damage import find_damage
from podium.lakehouse.refusals import explain
from podium.lakehouse.table import DeltaDataset


@pytest.fixture
def grown(tmp_path: Path, rows) -> DeltaDataset:
    """A table with four versions: an empty one, and three that each add a row."""
    dataset = DeltaDataset(path=str(tmp_path / "t"), zone="bronze", mode="append")
    for key in (1, 2, 3):
        dataset.save(rows((key, "a")))
    return dataset


def data_file(dataset: DeltaDataset, version: int) -> Path:
    """The data file that a version added."""
    before, after = ({*DeltaTable(dataset.path, v).file_uris()} for v in (version - 1, version))
    (file,) = after - before
    return Path(file.removeprefix("file://"))


def commit(dataset: DeltaDataset, version: int) -> Path:
    return Path(dataset.path, "_delta_log", f"{version:020}.json")


def checkpoint(dataset: DeltaDataset, version: int) -> Path:
    """The file of a checkpoint. It is written first, if it does not exist."""
    file = commit(dataset, version).with_suffix(".checkpoint.parquet")
    if not file.exists():
        DeltaTable(dataset.path, version=version).create_checkpoint()
    return file


def remove_commits(dataset: DeltaDataset, *versions: int) -> None:
    for version in versions:
        commit(dataset, version).unlink(missing_ok=True)


def remove_checksums(dataset: DeltaDataset) -> None:
    """Remove the checksums, so that delta-rs needs all commits. A checksum contains the table's metadata."""
    for checksum in Path(dataset.path, "_delta_log").glob("*.crc"):
        checksum.unlink()


def go_back(dataset: DeltaDataset, version: int) -> None:
    """Remove what the advice says: the hint and all files of later versions."""
    for file in Path(dataset.path, "_delta_log").iterdir():
        if file.name == "_last_checkpoint" or int(file.name.partition(".")[0]) > version:
            file.unlink()


def keys(dataset: DeltaDataset) -> list[int]:
    return sorted(row.k for row in dataset.load().collect())


def told_after_save(dataset: DeltaDataset, frame) -> str:
    """The explanation of a save that fails, in a process that has not read the log before."""
    handle._opened.clear()
    with pytest.raises((DatasetError, DeltaError, OSError)) as failed:
        dataset.save(frame)
    return explain(failed.value, "demo.t", {"demo.t": dataset.path})


DATA = {
    "is missing": os.remove,
    "has 5 bytes instead of": lambda file: os.truncate(file, 5),
    "is no Parquet file": lambda file: file.write_bytes(b"x" * file.stat().st_size),
}
LOG = {
    "is missing": (2, os.remove),
    "is not readable as JSON": (3, lambda file: file.write_text('{"add"')),
    "has a line that is no JSON object": (3, lambda file: file.write_text('{"txn": {}}\n["add"]\n')),
}
CHECKPOINT = {
    "is missing": os.remove,
    "is not readable as Parquet": lambda file: os.truncate(file, 100),
}


def test_an_intact_table_has_no_damage(grown, tmp_path):
    assert find_damage(grown.path) is None
    assert find_damage(str(tmp_path / "nothing")) is None
    grown.delta().create_checkpoint()
    assert find_damage(grown.path) is None


@pytest.mark.parametrize("reason", DATA)
@pytest.mark.parametrize("with_checkpoint", [False, True])
def test_a_broken_data_file_is_named_with_the_last_good_version(reason: str, with_checkpoint: bool, grown, tmp_path):
    file = data_file(grown, 2)
    if with_checkpoint:
        checkpoint(grown, 3)
    DATA[reason](file)

    with pytest.raises(DatasetError) as failed:
        DeltaDataset(path=str(tmp_path / "copy"), zone="bronze", mode="append").save(grown.load())
    told = explain(failed.value, "demo.copy", {"demo.t": grown.path})

    assert told.startswith(f"demo.t is damaged: {file} {reason}")
    assert "the last good version is 1" in told
    DeltaTable(grown.path).restore(1)
    assert keys(grown) == [1]
    assert find_damage(grown.path) is None


@pytest.mark.parametrize("lost", ["commit", "data"])
def test_a_version_that_cannot_be_read_is_no_last_good_version(lost: str, grown):
    """Clean-up of the log removes old commits, and VACUUM removes old data files."""
    checkpoint(grown, 3)
    file = data_file(grown, 2)
    if lost == "commit":
        remove_commits(grown, 0)
    else:
        old = data_file(grown, 1)
        grown.delta().delete("k = 1")
        old.unlink()
    file.unlink()

    damage = find_damage(grown.path)

    assert (damage.file, damage.reason, damage.last_good) == (file, "is missing", None)
    assert "no version of the table can be read without it" in damage.advice


def test_a_file_that_was_added_twice_is_not_in_the_version_before(grown):
    """A restore adds the removed files again."""
    file = data_file(grown, 2)
    grown.delta().delete("k = 2")
    grown.delta().restore(2)
    file.unlink()

    assert find_damage(grown.path).last_good == 4


@pytest.mark.parametrize("reason", LOG)
def test_a_broken_commit_is_named_with_the_last_good_version(reason: str, grown, rows):
    version, harm = LOG[reason]
    file = commit(grown, version)
    remove_checksums(grown)
    harm(file)

    told = told_after_save(grown, rows((4, "a")))

    assert told.startswith(f"demo.t is damaged: {file} {reason}; the last good version is {version - 1}.")
    go_back(grown, version - 1)
    assert grown.delta().version() == version - 1
    assert keys(grown) == list(range(1, version))


def test_a_missing_first_commit_is_named(grown, rows):
    remove_commits(grown, 0)
    remove_checksums(grown)

    told = told_after_save(grown, rows((4, "a")))

    assert told.startswith(f"demo.t is damaged: {commit(grown, 0)} is missing, and no version of the table can be read")


@pytest.mark.parametrize("reason", CHECKPOINT)
def test_a_broken_checkpoint_is_named_and_the_commits_replace_it(reason: str, grown, rows):
    file = checkpoint(grown, 2)
    CHECKPOINT[reason](file)

    told = told_after_save(grown, rows((4, "a")))

    assert told.startswith(f"demo.t is damaged: {file} {reason}; the last good version is 3.")
    assert told.endswith(
        "or move _last_checkpoint and the file out of _delta_log: the commits contain the same versions."
    )
    file.unlink(missing_ok=True)
    file.with_name("_last_checkpoint").unlink()
    assert keys(grown) == [1, 2, 3]
    assert find_damage(grown.path) is None


@pytest.mark.parametrize("reason", CHECKPOINT)
def test_a_broken_checkpoint_without_all_commits_is_named_with_the_last_good_version(reason: str, grown, rows):
    checkpoint(grown, 1)
    file = checkpoint(grown, 3)
    remove_commits(grown, 0, 1, 3)
    CHECKPOINT[reason](file)

    told = told_after_save(grown, rows((4, "a")))

    assert told.startswith(f"demo.t is damaged: {file} {reason}; the last good version is 2.")
    assert "or move _last_checkpoint and all files of later versions out of _delta_log" in told
    go_back(grown, 2)
    assert keys(grown) == [1, 2]
    assert find_damage(grown.path) is None


@pytest.mark.parametrize("reason", CHECKPOINT)
def test_a_broken_checkpoint_without_its_commits_leaves_no_version(reason: str, grown, rows):
    file = checkpoint(grown, 2)
    remove_commits(grown, 0, 1)
    CHECKPOINT[reason](file)

    told = told_after_save(grown, rows((4, "a")))

    assert told.startswith(f"demo.t is damaged: {file} {reason}, and no version of the table can be read without it.")


def replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("message", "harm"),
    [
        ("Is a directory", replace_by_folder),
        pytest.param(
            "Permission denied",
            lambda file: file.chmod(0),
            marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file"),
        ),
    ],
)
def test_a_file_that_cannot_be_opened_is_told_as_an_os_error(message: str, harm: Callable, grown):
    file = commit(grown, 3)
    harm(file)

    told = explain(DeltaError("Kernel error:\n something"), "demo.copy", {"demo.t": grown.path})

    assert told.startswith(f"demo.t: {message} ({file}). ")
    assert told.endswith("The engine's error: Kernel error: something")


def test_the_error_of_the_run_survives_a_failed_explanation(monkeypatch, caplog):
    def fail(table: str) -> None:
        raise DeltaError(table)

    monkeypatch.setattr(refusals, "find_damage", fail)

    assert explain(DeltaError("the run's error"), "demo.t", {"demo.t": "t"}) is None
    assert "The tables could not be checked for damage." in caplog.text


def test_an_os_error_is_explained_with_its_path_and_advice(tmp_path):
    def refused(action: Callable[[], object]) -> str:
        with pytest.raises(OSError, match="Errno") as failed:
            action()
        return explain(failed.value, "demo.t", {})

    (tmp_path / "file").touch()
    assert refused((tmp_path / "file" / "t").mkdir) == (
        f"demo.t: Not a directory ({tmp_path}/file/t). A file exists where a folder is needed. Move it away, or set "
        "PODIUM_DATA to another folder. Each table is either completely written or unchanged."
    )
    assert refused(lambda: Path("/dev/full").write_text("x")).startswith(
        "demo.t: No space left on device. Free space on that disk"
    )


def test_an_unrelated_error_is_not_explained(grown):
    assert explain(ValueError("os error 28"), "demo.t", {"demo.t": grown.path}) is None


FULL = "Failed to write file: Generic LocalFileSystem error: Unable to copy data to file: No space left on device"
READ_ONLY = (
    "An error occurred while calling o98.save.\n: org.apache.spark.SparkException: Job aborted due to stage failure: "
    "Lost task 0.0 (192.0.2.2 executor driver): java.io.FileNotFoundException: /lake/t/part-0.parquet (Read-only file "
    "system)\n\nDriver stacktrace:\n\tat org.apache.spark.Some.java\n"
)
UNCHANGED = "Each table is either completely written or unchanged."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            PySparkException(f"{FULL} (os error 28)"),
            "demo.t: No space left on device (/lake/t). Free space on that disk, then run the command again. "
            f"{UNCHANGED} The engine's error: {FULL} (os error 28)",
        ),
        (
            Py4JError(READ_ONLY),
            f"demo.t: Read-only file system (/lake/t). Set PODIUM_DATA to a writable folder. {UNCHANGED} "
            "The engine's error: java.io.FileNotFoundException: /lake/t/part-0.parquet (Read-only file system)",
        ),
        (
            Py4JError("Caused by: java.nio.file.AccessDeniedException: /tmp/spark/block\n\tat java.base"),
            "demo.t: Permission denied. Give this user permission to read and write there, or set PODIUM_DATA to "
            f"another folder. {UNCHANGED} The engine's error: java.nio.file.AccessDeniedException: /tmp/spark/block",
        ),
        (
            OSError(
                f"Kernel error\n  \x1b[31m↳\x1b[0m Unable to open file /{'x' * 400}: Permission denied (os error 13)"
            ),
            "demo.t: Permission denied. Give this user permission to read and write there, or set PODIUM_DATA to "
            f"another folder. {UNCHANGED} The engine's error: ...{'x' * 267}: Permission denied (os error 13)",
        ),
    ],
)
def test_an_os_error_in_an_engines_error_is_explained_and_quoted(error: Exception, told: str):
    assert explain(error, "demo.t", {"demo.t": "/lake/t"}) == told


@pytest.mark.parametrize(
    "text",
    [
        "An exception was thrown from the Python worker.\nPermissionError: [Errno 13] Permission denied: '/secret'",
        "java.sql.SQLException: Permission denied for table flights",
        "java.nio.file.AccessDeniedException: s3a://bucket/t: getFileStatus: Forbidden",
        "org.apache.hadoop.security.AccessControlException: Permission denied: user=podium, access=WRITE",
        "The server says: No space left on device",
    ],
)
def test_an_error_that_is_not_about_a_local_file_is_not_explained(text: str):
    assert explain(PySparkException(text), "demo.t", {"demo.t": "/lake/t"}) is None
