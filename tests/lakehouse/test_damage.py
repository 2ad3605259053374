"""The broken file of a damaged table is found, and the advice in the error restores the last good version."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from kedro.io import DatasetError

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


DATA = {
    "is missing": os.remove,
    "has 5 bytes instead of": lambda file: os.truncate(file, 5),
    "is no Parquet file": lambda file: file.write_bytes(b"x" * file.stat().st_size),
}
LOG = {
    "is missing": (2, os.remove),
    "is not readable as JSON": (3, lambda file: file.write_text('{"add"')),
}


def test_an_intact_table_has_no_damage(grown, tmp_path):
    assert find_damage(grown.path) is None
    assert find_damage(str(tmp_path / "nothing")) is None
    grown.delta().create_checkpoint()
    assert find_damage(grown.path) is None


@pytest.mark.parametrize("reason", DATA)
@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_broken_data_file_is_named_with_the_last_good_version(reason: str, checkpoint: bool, grown, rows, tmp_path):
    file = data_file(grown, 2)
    if checkpoint:
        grown.delta().create_checkpoint()
    DATA[reason](file)

    with pytest.raises(DatasetError) as failed:
        DeltaDataset(path=str(tmp_path / "copy"), zone="bronze", mode="append").save(grown.load())
    told = explain(failed.value, "demo.copy", {"demo.t": grown.path})

    assert told.startswith(f"demo.t is damaged: {file} {reason}")
    if checkpoint:
        assert "every version in the log needs it" in told
        return
    assert "the last good version is 1" in told
    DeltaTable(grown.path).restore(1)
    assert [row.k for row in grown.load().collect()] == [1]
    assert find_damage(grown.path) is None


@pytest.mark.parametrize("reason", LOG)
def test_a_broken_commit_is_named_with_the_last_good_version(reason: str, grown, rows):
    version, harm = LOG[reason]
    file = commit(grown, version)
    for checksum in file.parent.glob("*.crc"):
        checksum.unlink()
    harm(file)

    with pytest.raises((DatasetError, DeltaError)) as failed:
        grown.save(rows((4, "a")))
    told = explain(failed.value, "demo.t", {"demo.t": grown.path})

    assert told.startswith(f"demo.t is damaged: {file} {reason}; the last good version is {version - 1}.")
    for later in range(version, 4):
        commit(grown, later).unlink(missing_ok=True)
    assert grown.delta().version() == version - 1
    assert sorted(row.k for row in grown.load().collect()) == list(range(1, version))


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
