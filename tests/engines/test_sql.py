"""Queries over tables by name, on each engine: rows, files, error messages, and no leftover views."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from podium.lakehouse import engine
from podium.lakehouse.query.execution import first_rows, run_query
from podium.lakehouse.query.export import write_file
from podium.lakehouse.query.forbidden import QueryError, _allowed
from podium.lakehouse.query.saved_queries import Threshold
from tests.conftest import seldom_on_connect

NOON = datetime(2013, 7, 1, 12, tzinfo=UTC)
COUNT = 30_000
# Spark functions that a query may not call, because they run Java, read a file or a log, or are operators.
FORBIDDEN = {
    *(
        "java_method",
        "reflect",
        "try_reflect",
        "from_protobuf",
        "to_protobuf",
        "from_avro",
        "to_avro",
        "schema_of_avro",
    ),
    *("python_worker_logs", "measure"),
    *("and", "or", "not", "in", "between", "case", "any"),
}


@pytest.fixture(scope="module")
def catalog(engine_name: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A catalog with the table ``mine.bronze_things``, which has 30,000 rows."""
    root = tmp_path_factory.mktemp("lake")
    numbers = range(COUNT)
    things = pa.table({"k": numbers, "text": [f"t{n % 7}" for n in numbers], "at": [NOON] * COUNT})
    (root / "mine" / "bronze").mkdir(parents=True)
    write_deltalake(root / "mine" / "bronze" / "things", things)
    entry = {"type": "podium.lakehouse.table.DeltaDataset", "zone": "bronze", "mode": "append"}
    return {"{problem}.bronze_{table}": {**entry, "path": f"{root}/{{problem}}/bronze/{{table}}"}}


@pytest.fixture
def rows(catalog) -> Callable[[str], list[dict[str, Any]]]:
    return lambda sql: first_rows(run_query(sql, catalog).frame, 10)[0].to_pylist()


@seldom_on_connect
def test_a_query_reads_tables_by_their_names(rows, catalog):
    sql = """
        WITH things AS (SELECT text, count(*) AS n FROM mine.bronze_things GROUP BY text)
        SELECT things.n, bronze_things.at, '{x}' AS braces, mine.bronze_things.k
        FROM things JOIN Mine.`bronze_things` ON bronze_things.text = things.text -- by its name
        WHERE bronze_things.k = 6
    """
    assert rows(sql) == [{"n": 4285, "at": NOON, "braces": "{x}", "k": 6}]
    assert run_query(sql, catalog).versions == {"mine.bronze_things": 0}
    assert rows("DESCRIBE mine.bronze_things")[1] == {"column": "text", "type": "string"}
    assert not [table for table in engine.session().catalog.listTables() if table.name.startswith("_pyspark")]


@seldom_on_connect
def test_a_file_holds_all_rows_in_their_order(catalog, tmp_path: Path):
    file = tmp_path / "rows.parquet"
    frame = run_query("SELECT k, at, text FROM mine.bronze_things ORDER BY k DESC", catalog).frame
    assert write_file(frame, file, "parquet") == COUNT
    table = pq.read_table(file)
    assert table["k"].to_pylist() == list(reversed(range(COUNT)))
    assert set(table["at"].to_pylist()) == {NOON}
    assert list(tmp_path.iterdir()) == [file]


@seldom_on_connect
def test_a_threshold_is_judged_by_the_engine(catalog):
    frame = run_query(
        "SELECT text, count(*) AS n, double('nan') AS nan FROM mine.bronze_things GROUP BY text", catalog
    ).frame
    verdict = Threshold("n", ">", 4285).judge(frame)
    assert (verdict.crossed, verdict.value, verdict.rows) == (True, 4286, 5)
    assert Threshold("nan", "<", 0).judge(frame).rows == 7


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT nope FROM mine.bronze_things", "nope"),
        ("SELECT raise_error('that is it') FROM mine.bronze_things", "that is it"),
        ("SELECT 1 / 0", "by zero"),
        ("SELECT a FROM (SELECT 1 AS a) GROUP BY", ""),
    ],
)
def test_an_engine_error_is_one_line_without_a_stack_trace(rows, capfd, sql, says):
    with pytest.raises(QueryError) as wrong:
        rows(sql)
    message = wrong.value.message
    assert says in message.lower()
    assert len(message.splitlines()) == 1
    assert not any(word in message for word in ("_pyspark", "JVM", "at org.", "pos "))
    assert "Exception" not in capfd.readouterr().err


@seldom_on_connect
def test_the_error_for_an_unreadable_table_is_one_line(catalog):
    (path,) = {Path(entry["path"].format(problem="mine", table="broken")) for entry in catalog.values()}
    (path / "_delta_log").mkdir(parents=True, exist_ok=True)
    (path / "_delta_log" / f"{0:020}.json").write_text("{broken")
    with pytest.raises(QueryError) as wrong:
        run_query("SELECT * FROM mine.bronze_broken", catalog)
    assert len(wrong.value.message.splitlines()) == 1


@pytest.mark.spark
def test_every_spark_function_is_either_allowed_or_forbidden(engine_name):
    if engine_name != "spark":
        pytest.skip("only Spark lists its functions")
    names = {row[0].rpartition(".")[2] for row in engine.session().sql("SHOW SYSTEM FUNCTIONS").collect()}
    vectors = {name for name in names if name.startswith(("approx_top_k_", "vector_"))}
    assert {name for name in names if name.isidentifier()} - _allowed() - vectors == FORBIDDEN
