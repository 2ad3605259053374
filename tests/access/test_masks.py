"""Masks on real engines: joins still work, plans do not show the key, and the generated SQL gives the same masks."""

import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.lakehouse import engine
from podium.lakehouse.access.masks import hmac_key, mask_frame, mask_rows, masked_value
from podium.lakehouse.access.sql import CatalogTable, statements, text
from podium.lakehouse.errors import LakehouseError
from podium.lakehouse.table import DeltaDataset
from tests.access.conftest import SECRET
from tests.conftest import on_two_engines

KEY = hmac_key(SECRET)
COLUMNS = {"tail_number": "tail_number"}
TAILS = ["N1", "N2", "N2", None, "n1", "", "Ñ 'é\\", "x" * 300]


def by_hand(kind: str, value: str, secret: str = SECRET) -> str:
    key = hashlib.sha256(secret.encode()).hexdigest()
    return hmac.new(key.encode(), f"{kind}:{value}".encode(), "sha256").hexdigest()[:32]


def masked(frame):
    return mask_frame(frame, COLUMNS, lambda: KEY)


def frame(values=TAILS, column="tail_number"):
    return engine.session().createDataFrame(list(enumerate(values)), f"row int, {column} string")


def rows(found) -> list:
    return sorted(map(tuple, found.collect()), key=str)


@given(st.text(), st.text(), st.sampled_from(["a", "tail_number"]))
def test_a_mask_is_the_hmac_of_kind_and_value(one, other, kind):
    assert masked_value(KEY, kind, one) == by_hand(kind, one)
    assert (masked_value(KEY, kind, one) == masked_value(KEY, kind, other)) == (one == other)


def test_another_key_or_kind_gives_another_mask():
    masks = {masked_value(hmac_key(secret), kind, "N1") for secret in ("k" * 32, "l" * 32) for kind in ("a", "b")}
    assert len(masks) == 4


@on_two_engines
def test_values_are_masked_and_null_stays(engine_name):
    found = dict(rows(masked(frame())))

    assert found == {row: None if value is None else by_hand("tail_number", value) for row, value in enumerate(TAILS)}
    assert masked(frame()).schema == frame().schema


@on_two_engines
def test_a_join_on_masked_columns_gives_the_same_rows(engine_name):
    flown = frame(["N1", "N2", "N2", None, "N9"])
    planes = engine.session().createDataFrame([("N1", 2), ("N2", 4), (None, 8)], "Tail_Number string, seats int")
    clear = flown.join(planes, flown["tail_number"] == planes["Tail_Number"]).select("row", "seats")
    left, right = masked(flown), masked(planes)
    hidden = left.join(right, left["tail_number"] == right["Tail_Number"]).select("row", "seats")

    assert rows(hidden) == rows(clear) == [(0, 2), (1, 4), (2, 4)]


@on_two_engines
def test_the_key_is_in_no_plan(engine_name, capsys):
    masked(frame()).explain(True)

    plan = capsys.readouterr().out
    assert "tail_number" in plan
    assert not [piece for piece in (SECRET, KEY.decode(), KEY.hex()) if piece in plan]


@on_two_engines
def test_a_query_without_the_column_does_not_mask_it(engine_name, tmp_path, capsys):
    """Masks cost nothing if a query reads only other columns, and filters on other columns still reach the files."""
    table = DeltaDataset(path=str(tmp_path / "t"), zone="bronze", mode="append")
    table.save(frame())
    masked(table.load()).select("row").explain(True)
    assert "masked" not in capsys.readouterr().out.partition("Physical Plan")[2]

    masked(table.load()).filter("row < 3").explain(True)
    physical = capsys.readouterr().out.partition("Physical Plan")[2]
    below = physical.partition("masked")[2]
    assert "row" in below.partition("Filter")[2], "the plan must filter rows before it masks them"


@on_two_engines
@pytest.mark.parametrize("entitled", [False, True])
def test_the_unity_catalog_function_gives_the_same_masks(engine_name, rules, entitled):
    """The test runs the generated SQL, and replaces only Databricks' functions for group membership and secrets."""
    tables = [CatalogTable("p", "bronze_t", "bronze", ("tail_number",))]
    (function,) = [line for line in statements(rules, "prod", "main", tables) if line.startswith("CREATE")]
    body = function.partition("RETURN CASE")[2].replace("secret('podium', 'mask_key')", text(SECRET))
    body = re.sub(r"is_account_group_member\('\w+'\)", str(entitled).lower(), body)

    shown = frame(column="value").selectExpr("row", f"CASE {body} AS tail_number")

    assert rows(shown) == rows(frame() if entitled else masked(frame()))


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        ("tail_number int", "tail_number is int"),
        ("tail_number struct<a: string>", "tail_number is struct<a:string>"),
        ("plane struct<tail_number: string>", "tail_number is inside another column"),
        ("planes array<struct<TAIL_NUMBER: string>>", "TAIL_NUMBER is inside another column"),
        ("planes map<string, struct<tail_number: string>>", "tail_number is inside another column"),
    ],
)
def test_a_column_that_cannot_be_masked_is_refused(spark, schema, what):
    with pytest.raises(LakehouseError, match=what):
        masked(spark.createDataFrame([], schema))


def test_without_a_masked_column_no_key_is_needed(spark):
    mask_frame(frame(column="other"), COLUMNS, lambda: pytest.fail("no key is needed"))


def test_rows_in_memory_get_the_same_masks(spark):
    held = frame().toPandas()
    held["nested"] = [{"tail_number": "N1"}] * len(held)

    shown = mask_rows(held, {"tail_number": "tail_number"}, lambda: KEY)

    assert sorted(zip(shown["row"], shown["tail_number"], strict=True), key=str) == rows(masked(frame()))
    assert shown["nested"].isna().all()
    assert held["tail_number"].tolist() == TAILS, "mask_rows must not change its input"
