"""``podium lake sql`` on the demo's tables: rows, files, thresholds, access rules, masks, and refused queries."""

import json
import shlex
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from deltalake import DeltaTable
from pyarrow import csv

from podium.lakehouse.access.masks import hmac_key, masked_value
from tests.cli.conftest import PROJECT, Life, run
from tests.docs.pages import commands

PLANES = "flights.bronze_plane"


@pytest.fixture
def sql(life: Life) -> Callable[..., Result]:
    return lambda *arguments: run(life.data, "lake", "sql", *arguments)


@pytest.fixture
def rows(sql) -> Callable[[str], list[dict]]:
    """Return a function that runs a query and returns its rows, parsed from the JSON output."""

    def ask(query: str) -> list[dict]:
        answer = sql(query, "--json")
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.stdout)["rows"]

    return ask


@pytest.fixture
def stored(life: Life) -> Callable[[str], pa.Table]:
    """Return a function that reads a table with delta-rs."""
    return lambda name: DeltaTable(str(life.root / name)).to_pyarrow_table()


@pytest.fixture
def query_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that writes the named query ``mine`` into a copy of conf/, which the command then uses."""
    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    monkeypatch.setenv("PODIUM_CONF", str(tmp_path / "conf"))
    return lambda text: (tmp_path / "conf" / "base" / "queries" / "mine.sql").write_text(text) and None


def test_a_query_returns_the_rows_of_the_table(rows, stored):
    asked = rows("SELECT origin, flight, scheduled_departure FROM flights.bronze_arrival ORDER BY 3, 1, 2 LIMIT 20")
    expected = stored("flights/bronze/arrival").sort_by(
        [(n, "ascending") for n in ("scheduled_departure", "origin", "flight")]
    )
    names = ["origin", "flight", "scheduled_departure"]
    assert asked == [
        row | {"scheduled_departure": row["scheduled_departure"].astimezone(UTC).isoformat()}
        for row in expected.select(names).slice(0, 20).to_pylist()
    ]


def test_tables_are_joined_by_their_names(rows, stored):
    sql = """
        WITH bronze_plane AS (SELECT count(*) AS n FROM flights.bronze_plane),
             known AS (SELECT DISTINCT bronze_departure.tail_number FROM flights.bronze_departure)
        SELECT n, (SELECT count(*) FROM known JOIN Flights.`bronze_plane` p USING (tail_number)) AS flown
        FROM bronze_plane  -- the inner one
    """
    planes, flown = (
        set(stored(f"flights/bronze/{name}")["tail_number"].to_pylist()) for name in ("plane", "departure")
    )
    assert rows(sql) == [{"n": len(planes), "flown": len(planes & flown)}]


def test_the_output_stops_at_the_limit_and_says_if_there_are_more_rows(sql):
    few = sql(f"SELECT year FROM {PLANES}", "--limit", "3")
    assert few.output.splitlines()[0] == "year"
    assert few.output.endswith("Only the first 3 rows. Raise --limit for more.\n")
    assert len(few.output.splitlines()) == 5
    assert sql(f"SELECT year FROM {PLANES} LIMIT 3", "--limit", "3").output.endswith("\n3 rows.\n")
    assert json.loads(sql(f"SELECT year FROM {PLANES}", "--limit", "3", "--json").stdout)["more"] is True


def test_long_values_are_not_cut_without_a_terminal(sql):
    long = "x" * 500
    assert long in sql(f"SELECT '{long}' AS a, '{long}' AS b").output


def test_control_characters_in_values_are_escaped(sql):
    shown = sql("SELECT concat('[red]', char(27), ']0;x', char(7)) AS a").output
    assert "[red]\\x1b]0;x\\x07" in shown


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="needs time.tzset to set the time zone of the process")
def test_times_are_in_utc_in_any_local_time_zone(sql, rows, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        query = "SELECT timestamp '2013-04-06 14:30:00' AS t, timestamp_ntz '2013-04-07 02:30:00' AS local"
        assert rows(query) == [{"t": "2013-04-06T14:30:00+00:00", "local": "2013-04-07T02:30:00"}]
        assert "2013-04-06 14:30:00Z  2013-04-07 02:30:00" in sql(query).output
        for kind in ("csv", "parquet"):
            assert sql(query, f"--{kind}", str(tmp_path / f"t.{kind}")).exit_code == 0
        assert (
            (tmp_path / "t.csv").read_text().splitlines()[1].startswith("2013-04-06 14:30:00.000000Z,2013-04-07 02:30")
        )
        assert pq.read_table(tmp_path / "t.parquet")["t"][0].as_py() == datetime(2013, 4, 6, 14, 30, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_json_represents_every_type(rows):
    query = """SELECT 1.50 AS d, double('nan') AS n, x'ab' AS b, array(1, null) AS a, null AS v, true AS l,
               named_struct('t', date '2013-01-02') AS s, map('k', 2) AS m"""
    assert rows(query) == [
        {
            "d": 1.5,
            "n": None,
            "b": "ab",
            "a": [1, None],
            "s": {"t": "2013-01-02"},
            "m": [["k", 2]],
            "v": None,
            "l": True,
        }
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_holds_all_rows_in_the_order_of_the_query(sql, stored, tmp_path, kind):
    file = tmp_path / f"all.{kind}"
    query = "SELECT * FROM flight_delay.predictions ORDER BY scheduled_departure DESC, origin, carrier, flight"
    answer = sql(query, f"--{kind}", str(file), "--limit", "1")
    order = [("scheduled_departure", "descending"), *((n, "ascending") for n in ("origin", "carrier", "flight"))]
    expected = stored("flight_delay/predictions/log").sort_by(order)
    assert answer.output == f"{len(expected):,} rows in {file}\n"
    if kind == "parquet":
        assert pq.read_table(file).cast(expected.schema) == expected
    else:
        read = csv.read_csv(file)
        assert read.column_names == expected.column_names
        assert read["score"].to_pylist() == expected["score"].to_pylist()
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_a_file_without_rows_has_a_header(sql, tmp_path):
    assert sql(f"SELECT year, type FROM {PLANES} WHERE false", "--csv", str(tmp_path / "a.csv")).exit_code == 0
    assert (tmp_path / "a.csv").read_text() == '"year","type"\n'


def test_an_existing_file_is_overwritten_only_with_force(sql, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("mine")
    refused = sql("SELECT 1 AS a", "--csv", str(file))
    assert (refused.exit_code, file.read_text()) == (1, "mine")
    assert "--force" in refused.output
    # A query that fails half-way keeps the file too.
    failed = sql(f"SELECT assert_true(year < 2010) FROM {PLANES}", "--csv", str(file), "--force")
    assert (failed.exit_code, file.read_text()) == (1, "mine")
    assert sql("SELECT 1 AS a", "--csv", str(file), "--force").exit_code == 0
    assert file.read_text() == '"a"\n1\n'
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("query", "options", "says"),
    [
        ("SELECT array(1) AS a", ("--csv", "x.csv"), "CSV cannot hold a"),
        ("SELECT 1 AS a, 2 AS a", ("--parquet", "x.parquet"), "repeats the column name a"),
        ("SELECT 1 AS a, 2 AS a", ("--json",), "repeats the column name a"),
        ("SELECT 1", ("--csv", "none/x.csv"), "the folder none does not exist"),
    ],
)
def test_columns_that_a_file_format_cannot_hold_are_refused(sql, tmp_path, monkeypatch, query, options, says):
    monkeypatch.chdir(tmp_path)
    refused = sql(query, *options)
    assert refused.exit_code == 1
    assert says in refused.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_full_disk_leaves_no_partial_file(sql, tmp_path, kind):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        failed = sql("SELECT * FROM flight_delay.predictions", f"--{kind}", str(tmp_path / "all"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert failed.exit_code == 1
    assert f"{tmp_path / 'all'} cannot be written: " in failed.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [(), ("SELECT 1", "--name", "x"), ("SELECT 1", "--list"), ("SELECT 1", "--csv", "a", "--parquet", "b")],
)
def test_conflicting_or_missing_arguments_are_a_usage_error(sql, arguments):
    assert sql(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (f"SELECT nope FROM {PLANES}", "nope"),
        (f"SELECT * FROM {PLANES} WHERE year = 'x' / 0", "divide by zero"),
        ("SELECT cast('x' AS int)", "cast"),
        (f"SELECT raise_error('that is it') FROM {PLANES}", "that is it"),
        (f"SELECT FROM WHERE {PLANES}", "line 1"),
        ("SELECT * FROM flights.bronze_planes", "did you mean 'flights.bronze_plane'"),
    ],
)
def test_an_sql_error_is_one_line_with_the_message_of_the_engine(sql, query, says):
    answer = sql(query)
    assert answer.exit_code == 1
    assert says.lower() in answer.output.lower()
    assert answer.output.startswith("Error: ")
    assert len(answer.output.splitlines()) == 1
    assert "_pyspark" not in answer.output


@pytest.mark.parametrize(
    "source",
    [
        "parquet.`{0}`",
        "`parquet`.`{0}`",
        "delta.`{1}`",
        "parquet . `{0}`",
        "PARQUET.`{0}`",
        "'{0}'",
        "read_parquet('{0}')",
    ],
)
@pytest.mark.parametrize(
    "query", ["SELECT * FROM {}", "WITH a AS (SELECT * FROM {}) SELECT * FROM a", "SELECT (SELECT max(a) FROM {})"]
)
def test_no_spelling_of_a_path_reads_a_file(sql, life, tmp_path, source, query):
    pq.write_table(pa.table({"a": ["the secret"]}), tmp_path / "secret.parquet")
    answer = sql(query.format(source.format(tmp_path / "secret.parquet", life.root / "flights" / "bronze" / "plane")))
    assert answer.exit_code == 1
    assert "the secret" not in answer.output
    assert "There is no table" in answer.output or "may not call" in answer.output


def test_masked_columns_are_masked(rows, stored, life):
    clear = stored("flights/bronze/plane").sort_by("tail_number")["tail_number"].to_pylist()
    key = hmac_key((life.root / "mask.key").read_text().strip())
    masked = {masked_value(key, "tail_number", value) for value in clear}
    assert {row["tail_number"] for row in rows(f"SELECT tail_number FROM {PLANES} LIMIT 40")} <= masked
    # A filter on a clear value finds no rows, and expressions see only the masks.
    assert rows(f"SELECT count(*) AS n FROM {PLANES} WHERE tail_number = '{clear[0]}'") == [{"n": 0}]
    assert rows(f"SELECT max(length(concat(tail_number, ''))) AS n FROM {PLANES}") == [{"n": 32}]


def test_a_query_of_a_forbidden_table_is_refused(life, monkeypatch):
    """The test uses the demo's tables as those of staging, and queries them as a user without a role."""
    monkeypatch.setenv("PODIUM_STAGING_ROOT", str(life.root))
    monkeypatch.setenv("PODIUM_PRINCIPAL", "somebody")
    refused = run(life.data, "lake", "sql", f"SELECT 1 FROM {PLANES}", "--env", "staging")
    assert refused.exit_code == 1
    assert "may not read the zone bronze" in refused.output


def test_named_queries_are_listed_and_run(listed, sql, stored):
    found = {query["name"]: query for query in listed("lake", "sql", "--list")}
    assert {
        "late_rate_by_month",
        "open_critical_alerts",
        "predictions_by_version",
        "quarantine_by_rule",
    } <= found.keys()
    shown = sql("--list").output
    for name, query in found.items():
        assert name in shown
        answer = sql("--name", name, "--json")
        told = json.loads(answer.stdout)
        assert {key: told[key] for key in ("name", "title", "threshold")} == {
            key: query[key] for key in ("name", "title", "threshold")
        }
        assert answer.exit_code == (3 if told.get("crossed") else 0)
    (version,) = json.loads(sql("--name", "predictions_by_version", "--json").stdout)["rows"]
    assert version["predictions"] == len(stored("flight_delay/predictions/log"))
    months = json.loads(sql("--name", "late_rate_by_month", "--json").stdout)["rows"]
    delays = stored("flights/bronze/arrival")["arr_delay"].to_pylist()
    late = sum(delay is None or delay >= 15 for delay in delays) + len(stored("flights/bronze/cancellation"))
    assert sum(month["late"] for month in months) == late
    alerts = stored("flight_delay/monitoring/alerts").to_pylist()
    critical = [each for each in alerts if each["status"] == "open" and each["severity"] == "critical"]
    assert json.loads(sql("--name", "open_critical_alerts", "--json").stdout)["value"] == len(critical)


@pytest.mark.parametrize(
    ("limit", "code", "says"),
    [
        ("0", 3, "The threshold n > 0 is CROSSED: 2, in 2 rows"),
        ("1", 3, "The threshold n > 1 is CROSSED: 2, in 1 row"),
        ("2", 0, "The threshold n > 2 is not crossed: 2"),
    ],
)
def test_a_crossed_threshold_is_reported_and_gives_exit_code_3(sql, query_file, tmp_path, limit, code, says):
    query_file(f"-- title: Two rows\n-- threshold: n > {limit}\nSELECT explode(array(1, 2)) AS n")
    answer = sql("--name", "mine", "--limit", "1")
    assert (answer.exit_code, answer.output.splitlines()[-1]) == (code, says)
    document = sql("--name", "mine", "--limit", "1", "--json")
    assert document.exit_code == code
    assert json.loads(document.stdout)["crossed"] is (code == 3)
    assert sql("--name", "mine", "--csv", str(tmp_path / "n.csv")).exit_code == code
    assert len((tmp_path / "n.csv").read_text().splitlines()) == 3


def test_an_invalid_named_query_is_refused(sql, query_file):
    query_file("-- title: x\n-- treshold: n > 1\nSELECT 1 AS n")
    for arguments in (("--name", "mine"), ("--list",)):
        refused = sql(*arguments)
        assert refused.exit_code == 1
        assert "mine.sql, line 2: there is no key 'treshold' (did you mean 'threshold'?)" in refused.output
    assert "did you mean 'mine'" in sql("--name", "min").output


@pytest.mark.parametrize("command", sorted({each for _, each in commands() if each.startswith("podium lake sql")}))
def test_a_command_of_the_docs_runs(life, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    answer = run(life.data, *shlex.split(command)[1:])
    assert answer.exit_code in {0, 3}, answer.output
