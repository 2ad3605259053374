"""Compile the access rules to SQL for Unity Catalog: GRANT and REVOKE for each role, and functions that mask columns.

Unity Catalog enforces the rules for every user and tool. Podium alone cannot: it runs in the user's own process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .masks import DIGITS
from .rules import ANYONE, AccessRules, Allowed

__all__ = ["CatalogTable", "hmac_sql", "statements"]

# The scope and name of the Databricks secret that holds the mask key. To store the key: databricks secrets put-secret
# podium mask_key
SCOPE, SECRET = "podium", "mask_key"
# Databricks' name for the group of all users of an account.
EVERYBODY = "account users"
PRIVILEGES = {"read": "SELECT", "write": "MODIFY"}
HEX = b"0123456789abcdef"
# A stand-in for NUL. Spark's translate() cannot map a character to NUL: it would delete the character. So translate()
# maps to this stand-in, and replace() then turns the stand-in into NUL.
STAND_IN = "~"


@dataclass(frozen=True, order=True)
class CatalogTable:
    """A table in Unity Catalog: its schema (the domain or problem), name, zone, and known columns."""

    schema: str
    name: str
    zone: str
    columns: tuple[str, ...] = ()


def statements(rules: AccessRules, env: str, catalog: str, tables: Sequence[CatalogTable]) -> Iterator[str]:
    """The SQL statements that apply the rules of an environment to a catalog, without semicolons.

    They are idempotent. Masks come first, so that no role gets a table before its columns are masked. Privileges that a
    role must not have are revoked on the tables, and on the schema, from which tables inherit.
    """
    kept = sorted(set(tables))
    yield from _masks(rules, env, catalog, kept)
    holders = {role: rules.allowed(env, [role]) for role in (ANYONE, *sorted(rules.roles))}
    for role, allowed in holders.items():
        yield from _privileges(_group(rules, role), allowed, catalog, kept)


def _group(rules: AccessRules, role: str) -> str:
    return EVERYBODY if role == ANYONE else rules.group(role)


def _privileges(group: str, allowed: Allowed, catalog: str, tables: Sequence[CatalogTable]) -> Iterator[str]:
    to = name(group)
    if allowed.read or allowed.write:
        yield f"GRANT USE CATALOG ON CATALOG {name(catalog)} TO {to}"
    for schema in sorted({table.schema for table in tables}):
        own = [table for table in tables if table.schema == schema]
        place = f"SCHEMA {name(catalog, schema)}"
        uses = any(table.zone in allowed.read | allowed.write for table in own)
        yield _statement("USE SCHEMA", place, to, given=uses)
        yield _statement("CREATE TABLE", place, to, given=any(table.zone in allowed.write for table in own))
        yield from (_statement(privilege, place, to, given=False) for privilege in PRIVILEGES.values())
        for table in own:
            where = f"TABLE {name(catalog, schema, table.name)}"
            yield _statement("SELECT", where, to, given=table.zone in allowed.read)
            yield _statement("MODIFY", where, to, given=table.zone in allowed.write)


def _statement(privilege: str, place: str, to: str, *, given: bool) -> str:
    return f"GRANT {privilege} ON {place} TO {to}" if given else f"REVOKE {privilege} ON {place} FROM {to}"


def _masks(rules: AccessRules, env: str, catalog: str, tables: Sequence[CatalogTable]) -> Iterator[str]:
    found = [
        (table, column, kinds[column.lower()])
        for table in tables
        if (kinds := rules.masked_columns(table.zone))
        for column in table.columns
        if column.lower() in kinds
    ]
    groups = [_group(rules, role) for role in rules.of(env).unmasked]
    for schema, kind in sorted({(table.schema, kind) for table, _, kind in found}):
        yield _function(name(catalog, schema, f"mask_{kind}"), kind, groups)
    for table, column, kind in found:
        where = name(catalog, table.schema, table.name)
        function = name(catalog, table.schema, f"mask_{kind}")
        yield f"ALTER TABLE {where} ALTER COLUMN {name(column)} SET MASK {function}"


def _function(function: str, kind: str, groups: Sequence[str]) -> str:
    entitled = " OR ".join(f"is_account_group_member({text(group)})" for group in sorted(groups)) or "false"
    mask = hmac_sql("value", kind, f"secret({text(SCOPE)}, {text(SECRET)})")
    return (
        f"CREATE OR REPLACE FUNCTION {function}(value STRING) RETURNS STRING\n"
        f"  RETURN CASE WHEN {entitled} THEN value ELSE {mask} END"
    )


def hmac_sql(value: str, kind: str, key: str) -> str:
    """The SQL expression that masks a value like ``masks.masked_value``: HMAC-SHA256 as two SHA-256 calls (RFC 2104).

    SQL has neither HMAC nor a bytewise exclusive or. But the key is a hexadecimal digest, which fills one block of 64
    bytes with only 16 different characters, so ``translate`` can replace the exclusive or.

    Args:
        value: an SQL expression of text. Null gives null.
        kind: the kind of the mask.
        key: an SQL expression of the secret.
    """
    digest = f"sha2(CAST({key} AS BINARY), 256)"
    message = f"CAST(concat({text(kind + ':')}, {value}) AS BINARY)"
    inner = f"sha2(concat(CAST({_padded(digest, 0x36)} AS BINARY), {message}), 256)"
    outer = f"sha2(concat(CAST({_padded(digest, 0x5C)} AS BINARY), unhex({inner})), 256)"
    return f"left({outer}, {DIGITS})"


def _padded(digest: str, pad: int) -> str:
    """The SQL expression that combines each digit of the key with the byte ``pad`` by exclusive or."""
    digits = bytes(digit ^ pad for digit in HEX)
    shown = digits.replace(b"\0", STAND_IN.encode())
    padded = f"translate({digest}, {text(HEX.decode())}, decode(unhex({text(shown.hex())}), 'UTF-8'))"
    return f"replace({padded}, '{STAND_IN}', decode(unhex('00'), 'UTF-8'))" if b"\0" in digits else padded


def name(*parts: str) -> str:
    """Quote each part of an identifier in backticks, and join the parts by dots."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def text(value: str) -> str:
    """Quote a text as an SQL string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
