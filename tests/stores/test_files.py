"""Files of any size in a bucket are written atomically, without loading them into memory."""

import io

import pytest
from pyarrow import fs

from podium.lakehouse import files
from podium.lakehouse.files import Folder, open_store


class Failing(io.RawIOBase):
    """A source that can fail after its last byte, and records the size of the largest read."""

    def __init__(self, size: int, *, fails: bool):
        self._left, self._fails, self.most = size, fails, 0

    def read(self, size: int = -1) -> bytes:
        self.most = max(self.most, size if size >= 0 else self._left)
        given = min(size, self._left)
        self._left -= given
        if self._fails and not self._left:
            raise OSError("the disk is gone")
        return b"x" * given


def names(place: str) -> list[str]:
    store, path = open_store(place)
    return [file.base_name for file in store.get_file_info(fs.FileSelector(path, allow_not_found=True))]


@pytest.mark.parametrize("size", [0, 10, files.CHUNK, 3 * files.CHUNK + 1])
def test_a_file_is_written_completely_in_chunks(size: int, server, place: str) -> None:
    source = Failing(size, fails=False)
    Folder(place)._write("file", source)

    store, path = open_store(place)
    assert store.get_file_info(f"{path}/file").size == size
    assert names(place) == ["file"]
    assert source.most <= files.CHUNK


@pytest.mark.parametrize("size", [10, 3 * files.CHUNK])
def test_a_failing_source_leaves_no_object(size: int, server, place: str) -> None:
    with pytest.raises(OSError, match="the disk is gone"):
        Folder(place)._write("file", Failing(size, fails=True))

    assert names(place) == []
