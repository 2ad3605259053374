"""A query reaches an engine only if it reads nothing but tables by name, in every spelling of SQL."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.lakehouse.query.statement import QueryError, read_statement

KNOWN = ["flights.bronze_arrival", "flights.bronze_plane", "other.bronze_plane"]
# The positions of a table in a query.
PLACES = [
    "SELECT * FROM {0}",
    "SELECT * FROM {0} AS x",
    "SELECT 1 FROM flights.bronze_plane JOIN {0} ON true",
    "SELECT 1 FROM flights.bronze_plane p, {0} x",
    "SELECT 1 FROM flights.bronze_plane NATURAL FULL OUTER JOIN {0}",
    "SELECT * FROM (SELECT * FROM {0}) x",
    "SELECT * FROM ({0})",
    "SELECT * FROM (flights.bronze_plane p CROSS JOIN {0} x)",
    "SELECT (SELECT max(a) FROM {0}) AS m",
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM {0}) THEN 1 END",
    "SELECT 1 FROM flights.bronze_plane WHERE a IN (SELECT a FROM {0})",
    "SELECT sum(a) FROM flights.bronze_plane GROUP BY b HAVING sum(a) > (SELECT max(a) FROM {0})",
    "SELECT a FROM flights.bronze_plane ORDER BY (SELECT max(a) FROM {0})",
    "SELECT 1 FROM flights.bronze_plane, LATERAL (SELECT * FROM {0})",
    "SELECT 1 UNION ALL SELECT a FROM {0}",
    "(SELECT 1) EXCEPT (SELECT a FROM {0})",
    "WITH c AS (SELECT * FROM {0}) SELECT * FROM c",
    "WITH a AS (SELECT 1), b AS (WITH a AS (SELECT * FROM {0}) SELECT * FROM a) SELECT * FROM b",
    "SELECT * FROM {0} TABLESAMPLE (10 PERCENT)",
    "SELECT * FROM {0} PIVOT (sum(a) FOR b IN (1, 2))",
    "SELECT * FROM {0} LATERAL VIEW explode(array(1, 2)) v AS i",
    "SELECT 1 FROM VALUES (1), (2) AS v(a) SEMI JOIN {0} ON true",
    "SELECT count(*) FILTER (WHERE a IN (SELECT a FROM {0})) OVER (PARTITION BY b) FROM flights.bronze_plane",
    "FROM {0} SELECT a",
    "VALUES ((SELECT max(a) FROM {0}))",
]
FORMATS = ("delta", "parquet", "csv", "json", "orc", "text", "avro", "binaryFile", "hive", "iceberg", "xml", "DELTA")
GAPS = st.sampled_from(["", " ", "\n", "/* x */", "/*+ x */", "-- x\n", "\t"])
PLACED = st.sampled_from(PLACES)


def refusal(sql: str) -> str:
    with pytest.raises(QueryError) as refused:
        read_statement(sql, KNOWN)
    return refused.value.message


@st.composite
def paths(draw) -> str:
    """Tables by path, such as ``delta.`/x` ``, with and without quotes and with gaps between the parts."""
    kind, path = draw(st.sampled_from(FORMATS)), draw(st.text(min_size=1, max_size=12)).replace("`", "``")
    kind = f"`{kind}`" if draw(st.booleans()) else kind
    return f"{kind}{draw(GAPS)}.{draw(GAPS)}`{path}`"


@given(place=PLACED, path=paths())
def test_a_table_by_path_is_refused_in_every_position(place: str, path: str):
    refusal(place.format(path))


@given(
    place=PLACED,
    name=st.sampled_from(["secrets.t", "t", "main.flights.bronze_arrival", "`flights`.`t`", "'/x'", "x.y.z.w"]),
)
def test_an_unknown_table_is_refused_in_every_position(place: str, name: str):
    refusal(place.format(name))


@given(
    place=PLACED,
    call=st.sampled_from(["read_files('/x')", "identifier('a.b')", "table_changes('a', 1)", "`f`('x')", "s.f('x')"]),
)
def test_a_forbidden_function_is_refused_in_every_position(place: str, call: str):
    refusal(place.format(call))


@given(place=PLACED, gap=GAPS, quoted=st.booleans(), upper=st.booleans())
def test_a_table_name_becomes_a_placeholder_and_the_rest_of_the_query_stays(
    place: str, gap: str, quoted: bool, upper: bool
):
    """Replacing each placeholder by the table's name gives the original query, except for comments."""
    first, second = ("flights", "bronze_arrival") if not upper else ("Flights", "BRONZE_ARRIVAL")
    name = f"`{first}`{gap}.`{second}`" if quoted else f"{first}{gap}.{gap}{second}"
    statement = read_statement(place.format(name), KNOWN)
    assert "flights.bronze_arrival" in statement.tables.values()
    restored = statement.sql
    for key, table in statement.tables.items():
        own = table.rpartition(".")[2]
        restored = restored.replace(f"{{{key}}} AS `{own}`", table).replace(f"{{{key}}}", table)
    assert re.sub(r"\s+", " ", restored) == re.sub(r"\s+", " ", place.format("flights.bronze_arrival"))


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO flights.bronze_arrival SELECT 1",
        "WITH x AS (SELECT 1) INSERT INTO flights.bronze_arrival SELECT * FROM x",
        "FROM flights.bronze_plane INSERT INTO flights.bronze_arrival SELECT a",
        "INSERT OVERWRITE DIRECTORY '/tmp/x' USING parquet SELECT * FROM flights.bronze_plane",
        "UPDATE flights.bronze_arrival SET a = 1",
        "DELETE FROM flights.bronze_arrival",
        "MERGE INTO flights.bronze_arrival USING flights.bronze_plane ON true WHEN MATCHED THEN DELETE",
        "DROP TABLE flights.bronze_arrival",
        "TRUNCATE TABLE flights.bronze_arrival",
        "CREATE TABLE x AS SELECT 1",
        "CREATE TEMPORARY VIEW x USING parquet OPTIONS (path '/x')",
        "CACHE TABLE x AS SELECT 1",
        "SET spark.sql.session.timeZone = Asia/Tokyo",
        "ADD JAR '/x.jar'",
        "LOAD DATA INPATH '/x' INTO TABLE t",
        "SHOW TABLES",
        "EXPLAIN SELECT 1",
        "USE x",
        "EXECUTE IMMEDIATE 'SELECT 1'",
        "BEGIN SELECT 1; END",
        "DECLARE x INT",
        "CALL system.x()",
        "SELECT 1 INTO x",
        "DESCRIBE HISTORY flights.bronze_arrival",
        "DESCRIBE DETAIL flights.bronze_arrival",
        "DESCRIBE EXTENDED flights.bronze_arrival",
        "DESCRIBE FUNCTION reflect",
        "DESCRIBE DATABASE flights",
        "DESCRIBE delta.`/x`",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE flights.bronze_arrival",
        "",
        " ; ",
        "-- only a comment",
    ],
)
def test_a_statement_that_is_not_a_single_query_is_refused(sql: str):
    refusal(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT reflect('java.lang.System', 'getenv', 'HOME')",
        "SELECT `reflect`('java.lang.System', 'getenv', 'HOME')",
        "SELECT ReFlect /* x */ ('java.lang.System', 'exit', 1)",
        "SELECT java_method('java.lang.System', 'getenv')",
        "SELECT try_reflect('java.lang.System', 'getenv')",
        "SELECT system.builtin.reflect('java.lang.System', 'getenv')",
        "SELECT system.builtin.upper('a')",
        "SELECT secret('scope', 'key')",
        "SELECT from_protobuf(a, 'x', '/etc/passwd') FROM flights.bronze_arrival",
        "SELECT ai_query('x', 'y')",
        "SELECT TRANSFORM(a) USING 'cat /etc/passwd' AS (b) FROM flights.bronze_arrival",
        "SELECT MAP a USING 'sh' FROM flights.bronze_arrival",
        "FROM flights.bronze_arrival REDUCE a USING 'sh' AS b",
        "TABLE flights.bronze_arrival",
        "SELECT * FROM (TABLE secrets)",
        "SELECT EXISTS (TABLE secrets)",
        "SELECT * FROM range(TABLE(secrets))",
        "SELECT * FROM flights.bronze_arrival VERSION AS OF 3",
        "SELECT * FROM flights.bronze_arrival TIMESTAMP AS OF '2013-01-01'",
        "SELECT * FROM flights.bronze_arrival@v3",
        "SELECT '${env:HOME}'",
        "SELECT * FROM ${spark.app.name}",
        "SELECT :x",
        "SELECT ?",
        "SELECT * FROM flights.bronze_arrival |> WHERE a = 1",
        "SELECT 1 |> LIMIT parquet.`/x`",
        # Parsers disagree about where these comments or strings end.
        "SELECT 1 -- \r UNION ALL SELECT * FROM parquet.`/x`",
        "SELECT 'a\\', * FROM secrets -- '",
        "SELECT r'a\\', * FROM secrets -- '",
        "SELECT 1 /*! UNION ALL SELECT * FROM secrets",
        # A common table expression has this name, but is not in scope where the query uses it.
        "WITH secrets AS (SELECT * FROM secrets) SELECT * FROM secrets",
        "SELECT * FROM (WITH secrets AS (SELECT 1) SELECT 1), secrets",
        "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
        "WITH a AS (WITH secrets AS (SELECT 1) SELECT * FROM secrets) SELECT * FROM secrets",
    ],
)
def test_a_query_that_bypasses_the_rules_is_refused(sql: str):
    refusal(sql)


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT 'TABLE x; DROP y', \"it's\", 'it''s' FROM flights.bronze_arrival;", 1),
        ("WITH bronze_arrival AS (SELECT * FROM flights.bronze_arrival) SELECT * FROM bronze_arrival", 1),
        ("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT * FROM n", 0),
        ("WITH a AS (SELECT 1), b AS (SELECT * FROM A) SELECT * FROM b, a AS c", 0),
        ("WITH n(a, b) AS (SELECT 1, 2) SELECT * FROM n AS m(c, d)", 0),
        ("SELECT * FROM flights.bronze_plane p JOIN other.bronze_plane o USING (a)", 2),
        ("SELECT * FROM flights.bronze_plane p JOIN flights.bronze_plane o USING (a)", 1),
        ("SELECT * FROM `flights.bronze_plane`", 1),
        ("SELECT * FROM range(3)", 0),
        (
            "SELECT CAST(a AS decimal(10, 2)), b::varchar(3), if(c, 1, 2), date '2013-01-01' FROM flights.bronze_plane",
            1,
        ),
        ("SELECT a FROM flights.bronze_plane WHERE NOT (a) AND b IN (1) AND (c) BETWEEN (1) AND (2)", 1),
    ],
)
def test_a_query_that_only_reads_known_tables_is_allowed(sql: str, tables: int):
    assert len(read_statement(sql, KNOWN).tables) == tables


def test_braces_in_a_string_are_unchanged():
    statement = read_statement("SELECT '{\"a\": {0}}' FROM flights.bronze_plane WHERE a = '{t0}'", KNOWN)
    assert statement.sql.format(t0="v") == "SELECT '{\"a\": {0}}' FROM v AS `bronze_plane` WHERE a = '{t0}'"
    assert read_statement("SELECT '{}'", KNOWN).sql == "SELECT '{}'"


def test_comments_are_removed_before_a_query_reaches_an_engine():
    for comment in ("/* a /* b */ UNION ALL SELECT * FROM secrets -- */", "-- \\\n", "/*+ BROADCAST(secrets) */"):
        assert read_statement(f"SELECT {comment} 1", KNOWN).sql.split() == ["SELECT", "1"]


def test_a_column_can_be_qualified_by_the_full_name_of_its_table():
    sql = "SELECT flights.bronze_plane.a, other.bronze_plane.* FROM flights.bronze_plane"
    assert read_statement(sql, KNOWN).sql == "SELECT bronze_plane.a, bronze_plane.* FROM {t0} AS `bronze_plane`"


def test_describe_returns_the_columns():
    for sql in ("DESCRIBE flights.bronze_plane", "desc table flights.bronze_plane"):
        statement = read_statement(sql, KNOWN)
        assert (statement.describes, statement.tables) == (True, {"t0": "flights.bronze_plane"})


def test_an_error_gives_the_position_and_the_nearest_name():
    assert "did you mean 'flights.bronze_arrival'" in refusal("SELECT * FROM flights.bronze_arival")
    assert "did you mean 'flights.bronze_arrival'" in refusal("SELECT * FROM bronze_arrival")
    assert "did you mean 'upper'" in refusal("SELECT uper('a')")
    assert "line 2, column 8" in refusal("SELECT a\nFROM (b(")
    assert "reflect" in refusal("SELECT reflect('a')")
    assert "nested too deeply" in refusal(f"SELECT {'(' * 2_000}1{')' * 2_000}")
    assert "INSERT" in refusal("WITH x AS (SELECT 1) INSERT INTO y SELECT 1")
