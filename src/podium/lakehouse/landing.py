"""Land source files: check them, hash them, and convert each once to Parquet with text columns.

Every column stays text, exactly as received, and two columns are added. ``row`` numbers the lines after the header from
1, malformed lines last. ``malformed`` holds the text of a line whose number of columns differs from the header's, and
is null for other lines.
"""

import gzip
import hashlib
import importlib.util
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from kedro.io import AbstractDataset
from pyspark.sql import DataFrame

from podium.errors import did_you_mean
from podium.lakehouse import access, engine
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.files import Folder

__all__ = ["Landing", "LandingDataset", "Source"]

SUFFIXES = (".csv", ".csv.zip", ".csv.gz")
PACKAGE = "package:"
HEADER = 1  # Arrow counts the header as the first row of a file
# Column separators other than the comma. A file with one of them is refused, and the error names the separator.
SEPARATORS = {"semicolons": ";", "tabs": "\t", "vertical bars": "|"}
UNREADABLE = (OSError, EOFError, UnicodeError, zipfile.BadZipFile, zlib.error, pa.ArrowInvalid)


@dataclass(frozen=True)
class Source:
    """The files of one source folder: for each, a lazy frame of text columns and a SHA-256."""

    frames: Mapping[str, DataFrame]
    digests: Mapping[str, str]


class Landing:
    """A folder of landed files. A file's name contains a hash of its source's content, so equal content lands once.

    Attributes:
        opened: the source files that ``open`` has read, with their SHA-256.
    """

    def __init__(self, url: str):
        self._folder = Folder(url)
        self.opened: dict[Path, str] = {}

    def open(self, folder: str, expected: Mapping[str, tuple[str, ...]]) -> Source:
        """Land the expected files of ``folder``, unless landed before, and return them as lazy frames.

        Args:
            folder: a folder, or ``package:<name>/<folder>`` for files inside a Python package.
            expected: file name without ending -> the columns it must have.

        Raises:
            LakehouseError: files or columns are missing; the message names all of them. Nothing was written.
        """
        root = resolve(folder)
        files = check(root, expected)
        digests = {name: _sha256(path) for name, path in files.items()}
        self.opened |= {path: digests[name] for name, path in files.items()}
        landed = {name: self._land(name, path, digests[name]) for name, path in files.items()}
        spark = engine.session()
        return Source({name: spark.read.parquet(engine.location(url)) for name, url in landed.items()}, digests)

    def keep(self, name: str, frame: DataFrame) -> DataFrame:
        """Compute ``frame`` once, and read the stored rows on later calls. ``name`` must identify the content."""
        # First write the rows under a unique name, then a small file that points to them. Readers ignore rows that no
        # pointer names, so a crash between the two writes does no harm.
        pointer = f"{name}.kept"
        if not self._folder.has(pointer):
            kept = f"{name}-{uuid4().hex[:8]}.parquet"
            self._folder.make(kept)  # create the folder here: an engine may create none for a frame without rows
            frame.write.mode("overwrite").parquet(engine.location(self._folder.url(kept)))
            self._folder.put_text(kept, pointer)
        url = self._folder.url(self._folder.text(pointer))
        return engine.session().read.schema(frame.schema).parquet(engine.location(url))

    def _land(self, name: str, file: Path, digest: str) -> str:
        target = f"{name}-{digest[:16]}.parquet"
        if not self._folder.has(target):
            with tempfile.TemporaryDirectory() as scratch:
                made = Path(scratch, target)
                try:
                    with made.open("wb") as sink:
                        _to_parquet(file, sink)
                except UNREADABLE as cause:
                    raise LakehouseError(f"{file} cannot be read as CSV in UTF-8: {cause}") from cause
                self._folder.put(made, target)
        return self._folder.url(target)


class LandingDataset(AbstractDataset[None, Landing]):
    """The landing folder of an environment, as a catalog entry."""

    def __init__(self, *, path: str, zone: str, metadata: dict[str, Any] | None = None):
        self._path = path
        self.zone = zone
        self.metadata = metadata

    def load(self) -> Landing:
        """Return the landing folder, without reading any file.

        Requires the right to write the zone, because landed files are not masked and opening a source writes files.
        """
        access.require("write", self.zone, self._path)
        return Landing(self._path)

    def save(self, data: None) -> None:
        """Always raise: only ``Landing.open`` adds files to the folder."""
        raise LakehouseError(f"{self._path} is a landing folder, so no node can save to it. Use it as an input.")

    def _describe(self) -> dict[str, Any]:
        return {"path": self._path}


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def resolve(folder: str) -> Path:
    """The path of a source folder. ``package:<name>/<folder>`` is a folder inside an installed Python package."""
    if not folder.startswith(PACKAGE):
        return Path(folder)
    package, _, inside = folder.removeprefix(PACKAGE).partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise LakehouseError(f"The source {folder} names a Python package that is not installed: pip install {package}")
    return Path(spec.origin).parent / inside


def check(root: Path, expected: Mapping[str, tuple[str, ...]]) -> dict[str, Path]:
    """Map every expected file to its path. Raise one error that lists all missing files and wrong columns."""
    if not root.is_dir():
        raise LakehouseError(
            f"The source folder {root} does not exist. Set the parameter <domain>.source to an existing folder."
        )
    files, wrong = {}, []
    present = [path for path in sorted(root.iterdir()) if path.name.endswith(SUFFIXES)]
    for name, columns in expected.items():
        found = [path for path in present if path.name.split(".")[0] == name]
        if len(found) == 1:
            files[name] = found[0]
            wrong += wrong_columns(found[0], columns)
        elif found:
            wrong.append(f"file {name} exists more than once: {', '.join(path.name for path in found)}")
        else:
            near = did_you_mean(name, [path.name.split(".")[0] for path in present])
            wrong.append(f"file {name}.csv (or .csv.zip, .csv.gz) is missing in {root}{near}")
    if wrong:
        raise LakehouseError(f"The source {root} was refused, and nothing was written:\n  " + "\n  ".join(wrong))
    return files


def wrong_columns(file: Path, columns: tuple[str, ...]) -> list[str]:
    """Describe what is wrong with a file's header. Empty if the header is right."""
    try:
        found = header(file)
    except (*UNREADABLE, LakehouseError) as cause:
        return [f"{file.name} cannot be read: {cause}"]
    if habit := _foreign_habit(found, columns):
        return [f"{file.name}: {habit}"]
    missing = [name for name in columns if name not in found]
    doubled = [name for name, times in Counter(found).items() if times > 1]
    return [
        *[f"{file.name}: column {name} is missing{did_you_mean(name, found)}" for name in missing],
        *[f"{file.name}: column {name} appears more than once" for name in doubled],
    ]


def _foreign_habit(found: list[str], columns: tuple[str, ...]) -> str | None:
    """Advice for a header whose columns only seem to be missing: its separator or its capital letters differ."""
    wanted, example = {name.lower() for name in columns}, ",".join(columns[:3])
    for name, separator in SEPARATORS.items():
        words = [word.strip().strip('"').lower() for word in ",".join(found).split(separator)]
        if len(words) > 1 and wanted <= set(words):
            return f"its columns are separated by {name}. Separate them by commas: {example},…"
    if not set(columns) <= set(found) and wanted <= {word.lower() for word in found}:
        return f"its header is capitalized differently. Write it as {example},…"
    return None


def header(file: Path) -> list[str]:
    """The column names of a CSV file."""
    with _open(file) as stream:
        line = stream.readline().decode("utf-8-sig").strip()
    return [column.strip().strip('"') for column in line.split(",")]


def _open(file: Path) -> IO[bytes]:
    if file.name.endswith(".gz"):
        return gzip.open(file)  # type: ignore[return-value]
    if not file.name.endswith(".zip"):
        return file.open("rb")
    with zipfile.ZipFile(file) as archive:
        # Skip the files that macOS adds under __MACOSX/: their names also end with .csv, but they hold no rows.
        inside = [name for name in archive.namelist() if name.endswith(".csv") and not name.startswith("__MACOSX/")]
        if len(inside) != 1:
            raise LakehouseError(f"{file} holds {len(inside)} CSV files. It must hold exactly one.")
        return archive.open(inside[0])


def _to_parquet(file: Path, target: IO[bytes]) -> None:
    columns = header(file)
    malformed: dict[int, str] = {}

    def keep(row: Any) -> str:
        malformed[row.number - HEADER] = row.text
        return "skip"

    schema = pa.schema([(column, pa.string()) for column in columns])
    schema = schema.append(pa.field("row", pa.int64())).append(pa.field("malformed", pa.string()))
    with _open(file) as stream, pq.ParquetWriter(target, schema) as writer:
        reader = pyarrow.csv.open_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(block_size=8 << 20, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=keep),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={column: pa.string() for column in columns},
                strings_can_be_null=True,
                null_values=["", "NA"],
            ),
        )
        number = 1
        for batch in reader:
            # The batch lacks its malformed rows, so skip their numbers.
            possible = np.arange(number, number + len(batch) + len(malformed))
            numbers = np.setdiff1d(possible, list(malformed))[: len(batch)]
            number = int(numbers[-1]) + 1 if len(batch) else number
            arrays = [*batch.columns, pa.array(numbers, pa.int64()), pa.nulls(len(batch), pa.string())]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
        if malformed:
            empty = [pa.nulls(len(malformed), pa.string()) for _ in columns]
            rows, texts = pa.array(malformed.keys(), pa.int64()), pa.array(malformed.values(), pa.string())
            writer.write_batch(pa.record_batch([*empty, rows, texts], schema=schema))
