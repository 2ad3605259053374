"""Files of named queries: their format, the errors for mistakes, and when a threshold is crossed."""

from pathlib import Path

import pytest

from podium.errors import PodiumError
from podium.lakehouse.query.saved_queries import Threshold, find_queries, named_query, read_query
from tests.conftest import PROJECT

GOOD = """-- title: How many
-- A note: it says nothing.

-- threshold: n >= -1.5e3
SELECT 1 AS n -- not: a key
"""


def write(folder: Path, text: str, name: str = "q") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.sql"
    file.write_text(text)
    return file


def test_a_file_is_parsed_into_a_query(tmp_path: Path):
    query = read_query(write(tmp_path, GOOD))
    assert (query.name, query.title, query.sql) == ("q", "How many", GOOD)
    assert query.threshold == Threshold("n", ">=", -1500.0)
    assert f"{query.threshold}" == "n >= -1500"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("-- title: x\n-- treshold: n > 1\nSELECT 1", "line 2: there is no key 'treshold' (did you mean 'threshold'?)"),
        ("-- title: x\n-- threshold: n => 1\nSELECT 1", "line 2: threshold: 'n => 1' is not valid"),
        ("-- title: x\n-- threshold: n > many\nSELECT 1", "line 2: threshold"),
        ("-- title: x\n-- threshold: n > 1 or m > 2\nSELECT 1", "line 2: threshold"),
        ("-- title: x\n-- threshold:\nSELECT 1", "line 2: threshold is empty"),
        ("-- title: x\n-- title: y\nSELECT 1", "line 2: title appears twice"),
        ("-- title: x\nSELECT 1\n-- threshold: n > 1", "line 3: title and threshold must be above the SQL"),
        ("-- threshold: n > 1\nSELECT 1", "has no title"),
        ("-- title: x\n-- SELECT 1", "contains no SQL"),
        ("", "contains no SQL"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, text: str, says: str):
    file = write(tmp_path, text)
    with pytest.raises(PodiumError) as wrong:
        read_query(file)
    assert str(file) in wrong.value.message
    assert says in wrong.value.message


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path):
    file = tmp_path / "q.sql"
    file.write_bytes(b"-- title: \xff\nSELECT 1")
    with pytest.raises(PodiumError, match="UTF-8"):
        read_query(file)


def test_an_environment_adds_to_and_overrides_the_queries_of_base(tmp_path: Path):
    base = [write(tmp_path / "base" / "queries", GOOD, name) for name in ("a", "b")]
    mine = [write(tmp_path / "prod" / "queries", GOOD, name) for name in ("b", "c")]
    assert find_queries(tmp_path, "prod") == {"a": base[0], "b": mine[0], "c": mine[1]}
    assert find_queries(tmp_path, "dev") == {"a": base[0], "b": base[1]}
    with pytest.raises(PodiumError, match="did you mean 'late'"):
        named_query("lat", {"late": base[0]})


def test_the_queries_of_the_project_are_valid():
    conf = PROJECT / "conf"
    for env in ("dev", "staging", "prod"):
        assert [read_query(file).title for file in find_queries(conf, env).values()]


@pytest.mark.parametrize(
    ("threshold", "values", "crossed", "value", "rows"),
    [
        (("n", ">", 2), [1.0, 2.0], False, 2.0, 0),
        (("n", ">", 2), [1.0, 3.0, 2.5], True, 3.0, 2),
        (("n", ">=", 2), [1.0, 2.0], True, 2.0, 1),
        (("n", "<", 1), [1.0, 2.0], False, 1.0, 0),
        (("N", "<", 1), [0.5, 2.0], True, 0.5, 1),
        (("n", "<=", 1), [1.0, 2.0], True, 1.0, 1),
        (("n", ">", 2), [None, 1.0], False, 1.0, 0),
        (("n", ">", 2), [None], False, None, 0),
        (("n", ">", 2), [], False, None, 0),
        (("n", ">", 2), [float("nan"), 1.0], True, None, 1),
        (("n", "<", 0), [float("nan"), 1.0], True, 1.0, 1),
        (("rows", ">", 2), [1.0, 2.0], False, 2, 0),
        (("rows", ">", 1), [1.0, 2.0], True, 2, 2),
        (("rows", "<", 1), [], True, 0, 0),
    ],
)
def test_when_a_threshold_is_crossed(spark, threshold, values, crossed, value, rows):
    frame = spark.createDataFrame([(each,) for each in values], "n double")
    verdict = Threshold(*threshold).judge(frame)
    assert (verdict.crossed, verdict.rows) == (crossed, rows)
    # Engines order NaN above every number.
    assert verdict.value == value or (value is None and verdict.value != verdict.value)


def test_a_decimal_is_a_number(spark):
    verdict = Threshold("share", ">", 0.3).judge(spark.sql("SELECT 0.31 AS share"))
    assert (verdict.crossed, verdict.value) == (True, 0.31)


@pytest.mark.parametrize(
    ("measure", "sql", "says"),
    [
        ("lat", "SELECT 1 AS late", "no column 'lat' (did you mean 'late'?)"),
        ("late", "SELECT 'x' AS late", "late is string, not a number"),
        ("late", "SELECT 1 AS late, 2 AS LATE", "two columns 'late'"),
        ("rows", "SELECT 1 AS rows", "Rename it with AS"),
    ],
)
def test_a_threshold_that_does_not_fit_the_result_is_refused(spark, measure, sql, says):
    with pytest.raises(PodiumError) as wrong:
        Threshold(measure, ">", 0).judge(spark.sql(sql))
    assert says in wrong.value.message
