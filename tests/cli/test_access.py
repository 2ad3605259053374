"""``podium access``: the matrix, the rights of one principal, and SQL that grants the same rights."""

import json
import re
from collections.abc import Iterator

import pytest

from podium.lakehouse.access import ZONES, read_rules
from podium.lakehouse.access.principal import NARROW, os_user
from podium.lakehouse.access.sql import CatalogTable, statements
from tests.access.conftest import ROLES, raw_rules
from tests.access.test_matrix import EXPECTED, NOBODY


@pytest.fixture(autouse=True)
def no_narrowing(monkeypatch):
    monkeypatch.delenv(NARROW, raising=False)


def cell(rights: dict[str, bool]) -> str:
    read = "m" if rights["masked"] else "r" if rights["read"] else ""
    return (read + "w" * rights["write"]) or "-"


@pytest.mark.parametrize("env", EXPECTED)
def test_the_printed_matrix_is_the_enforced_one(podium, env):
    told = json.loads(podium("access", "show", "--env", env, "--json").stdout)
    expected = {("anyone" if role == NOBODY else role): cells.split() for role, cells in EXPECTED[env].items()}
    assert {role: [cell(rights[zone]) for zone in ZONES] for role, rights in told["roles"].items()} == expected

    shown = podium("access", "show", "--env", env).output
    for role, cells in expected.items():
        assert re.search(rf"^{role} +{' +'.join(cells)} *$", shown, re.MULTILINE)


def test_show_names_the_user_and_the_narrowed_principal(podium, monkeypatch):
    you = json.loads(podium("access", "show", "--env", "prod", "--json").stdout)["you"]
    assert you["roles"] == {os_user(): ["job"]}
    assert all(rights["read"] and rights["write"] for rights in you["rights"].values())

    monkeypatch.setenv(NARROW, NOBODY)
    you = json.loads(podium("access", "show", "--env", "prod", "--json").stdout)["you"]
    assert you["principals"] == [os_user(), NOBODY]
    assert not any(rights["read"] or rights["write"] for rights in you["rights"].values())
    assert f"narrowed by {NARROW} to {NOBODY} (roles: only anyone)" in podium("access", "show").output


def test_check_shows_any_principal_and_ignores_narrowing(podium, monkeypatch):
    monkeypatch.setenv(NARROW, NOBODY)
    told = json.loads(podium("access", "check", "--as", os_user(), "--env", "prod", "--json").stdout)
    assert told["roles"] == ["job"]
    assert all(rights["write"] for rights in told["rights"].values())
    answer = podium("access", "check", "--as", "ada", "--env", "prod")
    assert answer.exit_code == 0
    assert "ada (roles: only anyone), not listed under members in conf/base/access.yml" in answer.output
    assert podium("access", "check").exit_code == 2


NAME = r"`(?:[^`]|``)+`"
FORMS = (
    rf"GRANT USE CATALOG ON CATALOG {NAME} TO {NAME}",
    rf"GRANT (USE SCHEMA|CREATE TABLE) ON SCHEMA {NAME}\.{NAME} TO {NAME}",
    rf"REVOKE (USE SCHEMA|CREATE TABLE|SELECT|MODIFY) ON SCHEMA {NAME}\.{NAME} FROM {NAME}",
    rf"GRANT (SELECT|MODIFY) ON TABLE {NAME}\.{NAME}\.{NAME} TO {NAME}",
    rf"REVOKE (SELECT|MODIFY) ON TABLE {NAME}\.{NAME}\.{NAME} FROM {NAME}",
    rf"ALTER TABLE {NAME}\.{NAME}\.{NAME} ALTER COLUMN {NAME} SET MASK {NAME}\.{NAME}\.`mask_\w+`",
    rf"CREATE OR REPLACE FUNCTION {NAME}\.{NAME}\.`mask_\w+`\(value STRING\) RETURNS STRING\n  RETURN CASE WHEN .+ END",
)


@pytest.mark.parametrize("env", EXPECTED)
def test_every_statement_has_a_form_that_unity_catalog_accepts(podium, env):
    """tests/access/test_masks.py runs the expression of the mask functions on real engines."""
    head, _, said = podium("access", "sql", "--env", env).stdout.partition("\n")
    assert head.startswith("-- ")
    found = said.removesuffix(";\n").split(";\n")
    assert len(found) > 100
    for statement in found:
        assert any(re.fullmatch(form, statement) for form in FORMS), statement


def table_rights(lines: list[str]) -> dict[tuple[str, str], set[str]]:
    """Apply the statements in order, as a catalog does: (group, table) -> privileges."""
    held: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        if found := re.match(r"(GRANT|REVOKE) (SELECT|MODIFY) ON TABLE (\S+) (?:TO|FROM) `(.+)`$", line):
            verb, privilege, table, group = found.groups()
            mine = held.setdefault((group, table), {"SELECT", "MODIFY"})  # worst case: every privilege is granted
            (mine.add if verb == "GRANT" else mine.discard)(privilege)
    return held


TABLES = [CatalogTable("p", f"{zone}_t", zone, ("k", "tail_number", "received")) for zone in ZONES[:-1]]


@pytest.mark.parametrize("env", EXPECTED)
def test_a_catalog_that_applies_the_statements_grants_the_rights_of_the_matrix(env):
    lines = list(statements(read_rules(raw_rules()), env, "main", TABLES))
    held = table_rights(lines)
    for role, cells in EXPECTED[env].items():
        group = "account users" if role == NOBODY else role
        for zone, expected in zip(ZONES[:-1], cells.split(), strict=False):
            privileges = {"SELECT": expected[0] in "rm", "MODIFY": "w" in expected}
            assert held[group, f"`main`.`p`.`{zone}_t`"] == {name for name, given in privileges.items() if given}


@pytest.mark.parametrize("env", EXPECTED)
def test_masks_come_before_grants_and_name_the_unmasked_groups(env):
    lines = list(statements(read_rules(raw_rules()), env, "main", TABLES))
    masks = [line for line in lines if " SET MASK " in line]
    assert lines.index(masks[-1]) < min(i for i, line in enumerate(lines) if line.startswith("GRANT"))
    assert [re.search(r"`(\w+)_t` ALTER COLUMN `(\w+)`", line).groups() for line in masks] == [
        ("bronze", "tail_number"),
        ("features", "tail_number"),
        ("predictions", "tail_number"),
        ("quarantine", "received"),
        ("training_sets", "tail_number"),
    ]
    clear = {
        role for role in ROLES if set(EXPECTED[env][role].split()) & {"r", "rw"} and "m" not in EXPECTED[env][role]
    }
    for line in lines:
        if line.startswith("CREATE OR REPLACE FUNCTION"):
            assert set(re.findall(r"is_account_group_member\('(\w+)'\)", line)) == clear
            assert "secret('podium', 'mask_key')" in line


def test_statements_have_a_stable_order_and_quoted_names():
    rules = read_rules(raw_rules(roles={"job": {"about": "x", "group": "it's `ours`"}}, environments=ONE, masks=MASKS))
    odd = [CatalogTable("a`b", "bronze_x", "bronze", ("c d",)), CatalogTable("a`b", "bronze_x", "bronze", ("c d",))]
    lines = list(statements(rules, "here", "ma in", odd))
    assert len(lines) == len(set(lines))
    assert lines == list(statements(rules, "here", "ma in", odd[::-1]))
    assert "GRANT SELECT ON TABLE `ma in`.`a``b`.`bronze_x` TO `it's ``ours```" in lines
    assert "ALTER TABLE `ma in`.`a``b`.`bronze_x` ALTER COLUMN `c d` SET MASK `ma in`.`a``b`.`mask_kind`" in lines
    (function,) = [line for line in lines if line.startswith("CREATE")]
    assert r"is_account_group_member('it\'s `ours`')" in function


ONE = {"here": {"rights": {"job": {"read": "all"}}, "unmasked": ["job"]}}
MASKS = [{"column": "C d", "kind": "kind", "zones": "all"}]


def test_the_statements_cover_every_table_of_the_pipelines(podium, life):
    """The tables are those that the demo wrote."""
    said = podium("access", "sql", "--env", "prod").stdout
    for path in set(tables(life)):
        _, namespace, zone, table = path.rsplit("/", 3)
        assert f"TABLE `main`.`{namespace}`.`{zone}_{table}` " in said


def tables(life) -> Iterator[str]:
    yield from (str(log.parent) for log in life.root.rglob("_delta_log"))


def test_no_output_contains_the_mask_key(podium, monkeypatch):
    monkeypatch.setenv("PODIUM_MASK_KEY", "a-secret-that-is-long-enough-to-be-one")
    for arguments in (("sql",), ("show", "--json"), ("check", "--as", "ada", "--json")):
        assert "a-secret" not in podium("access", *arguments).output
