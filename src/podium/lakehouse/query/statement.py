"""Check a query before an engine sees it: it must be one statement that reads only tables, by their names.

An engine's SQL can also read files by their paths, run Java, or pipe rows to a program, all past the access rules. So
everything that is not known to be harmless is refused, by its tokens and by its syntax tree. The engine then gets the
query as typed, with two changes. Comments are blanked, because parsers may disagree where they end. Names of tables
are replaced by frames that the catalog has loaded.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.dialects import Spark
from sqlglot.errors import ParseError, TokenError

from podium.errors import did_you_mean

from .forbidden import QueryError, refuse_ambiguous, refuse_calls, refuse_words, without_comments

__all__ = ["QueryError", "Statement", "read_statement"]

logging.getLogger("sqlglot").setLevel(logging.ERROR)

READS = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)
BEGINS = ("SELECT", "WITH", "VALUES", "DESCRIBE")
# Refuse expressions that write, that run a program, or that are placeholders whose value is not in the SQL text.
FORBIDDEN = (
    *(exp.Command, exp.DDL, exp.DML, exp.Into, exp.LoadData, exp.MultitableInserts, exp.QueryTransform, exp.Set),
    *(exp.Parameter, exp.Placeholder, exp.SessionParameter),
)
# The parts that a table may have in sqlglot's syntax tree. Any other part, such as VERSION AS OF, is refused.
AROUND = {"this", "db", "catalog", "alias", "joins", "laterals", "pivots", "sample"}
NAME = r"(?:`(?:[^`]|``)+`|\w+)"
NAMES = re.compile(rf"{NAME}(?:\s*\.\s*{NAME})*")


@dataclass(frozen=True)
class Statement:
    """A query that has passed all checks, as the engine gets it.

    Attributes:
        sql: the SQL for ``session.sql``, with ``{t0}`` for the first table. Without tables it is plain SQL.
        tables: ``t0`` -> the name of the table.
        describes: whether the query asks for the columns of its only table.
    """

    sql: str
    tables: dict[str, str] = field(default_factory=dict)
    describes: bool = False


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    table: str | None = None
    alias: str | None = None


def read_statement(text: str, known: Iterable[str]) -> Statement:
    """Parse and check a query.

    Args:
        text: SQL in Spark's dialect.
        known: the names of all tables.

    Raises:
        QueryError: the text is not a query, or could read anything but tables by their names.
    """
    refuse_ambiguous(text)
    names = {name.lower(): name for name in known}
    try:
        clean = without_comments(text)
        tokens = Spark().tokenize(clean)
        refuse_words(tokens)
        tree = _only_tree(clean)
    except TokenError as wrong:
        raise QueryError("The SQL ends inside a string, a quoted name or a comment. Close it.") from wrong
    except ParseError as wrong:
        first = wrong.errors[0]
        raise QueryError(
            f"The SQL cannot be parsed: line {first['line']}, column {first['col']}, near {first['highlight']!r}."
        ) from wrong
    except RecursionError as deep:
        raise QueryError("The SQL is nested too deeply to be parsed. Split it into parts with WITH.") from deep
    refuse_calls(tokens, tree)
    if isinstance(tree, exp.Describe):
        return Statement("", {"t0": _described(tree, names)}, describes=True)
    if not isinstance(tree, READS):
        word = clean.split()[0].upper()
        word = tree.key.upper() if word in {"WITH", "FROM"} else word
        raise QueryError(f"{word} is refused. Only queries can be run: {', '.join(BEGINS)}.")
    if refused := next((node for node in tree.walk() if isinstance(node, FORBIDDEN)), None):
        raise QueryError(f"{refused.sql('spark')} is refused: a query can only read tables, and takes no parameters.")
    return _filled(clean, {edit.start: edit for edit in _edits(tree, clean, names)})


def _only_tree(sql: str) -> exp.Expr:
    trees = [tree for tree in Spark().parse(sql) if tree is not None]
    if not trees:
        raise QueryError("The text contains no query.")
    if len(trees) > 1:
        raise QueryError(f"The text contains {len(trees)} queries. Run one at a time.")
    return trees[0]


def _described(tree: exp.Describe, names: Mapping[str, str]) -> str:
    more = {part for part, value in tree.args.items() if value} - {"this", "kind"}
    if more or not isinstance(tree.this, exp.Table) or str(tree.args.get("kind") or "table").lower() != "table":
        raise QueryError("DESCRIBE can only show the columns of a table. Write DESCRIBE and the table's name.")
    return _known(tree.this, names, ())


def _edits(tree: exp.Expr, clean: str, names: Mapping[str, str]) -> Iterator[_Edit]:
    """Yield edits of the SQL: table names become placeholders, ``namespace.table.column`` becomes ``table.column``."""
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Func):
            continue  # a table function, such as range(); refuse_calls decides whether it is allowed
        inner = _visible(table)
        if len(table.parts) == 1 and table.name.lower() in inner:
            continue
        name = _known(table, names, inner)
        if {part for part, value in table.args.items() if value} - AROUND:
            raise QueryError(
                f"A query can read only the newest version of {name}. Remove VERSION AS OF or TIMESTAMP AS OF."
            )
        start, end = _span(table.parts, clean)
        # Add no alias if TABLESAMPLE follows the table's name, because Spark expects an alias after TABLESAMPLE. A
        # query therefore cannot qualify the columns of a sampled table with the table's name.
        own = None if table.alias or table.args.get("sample") else name.rpartition(".")[2]
        yield _Edit(start, end, name, own)
    for column in tree.find_all(exp.Column):
        *_, database, qualifier, _ = [None, None, *column.parts]
        if database and qualifier and f"{database.name}.{qualifier.name}".lower() in names:
            start, _ = _span([database, qualifier], clean)
            yield _Edit(start, qualifier.meta["start"])


def _known(table: exp.Table, names: Mapping[str, str], inner: Iterable[str]) -> str:
    name = ".".join(part.name for part in table.parts)
    if name.lower() not in names:
        near = did_you_mean(name, [*names.values(), *inner])
        raise QueryError(
            f"There is no table {name!r}{near}. podium lake tables lists the names of all tables. If the table is not "
            "written yet, run the pipeline that writes it. podium demo runs all pipelines."
        )
    return names[name.lower()]


def _visible(node: exp.Expr) -> set[str]:
    """The names, in lower case, of the common table expressions that are visible from a node."""
    names: set[str] = set()
    child, parent = node, node.parent
    while parent is not None:
        defined = parent.args.get("with_")
        if isinstance(parent, exp.With):
            place = parent.expressions.index(child) + bool(parent.recursive)
            names |= {each.alias.lower() for each in parent.expressions[:place]}
        elif isinstance(defined, exp.With) and child is not defined:
            names |= {each.alias.lower() for each in defined.expressions}
        child, parent = parent, parent.parent
    return names


def _span(parts: list[exp.Expr], clean: str) -> tuple[int, int]:
    """The start and end of a name in the SQL. Raise if another text stands there, because that text gets replaced."""
    start, end = (parts[i].meta.get(edge, -1) for i, edge in ((0, "start"), (-1, "end")))
    written = clean[start : end + 1]
    found = [each.strip("`").replace("``", "`") for each in re.findall(NAME, written)]
    if not NAMES.fullmatch(written) or found != [part.name for part in parts]:
        raise QueryError(
            f"Podium cannot find the table or column name {'.'.join(part.name for part in parts)} in the text of the "
            "query. Write each part of the name as a plain word or in backticks, with dots between the parts."
        )
    return start, end + 1


def _filled(clean: str, edits: Mapping[int, _Edit]) -> Statement:
    tables = dict.fromkeys(edit.table for edit in edits.values() if edit.table)
    places = {name: f"t{number}" for number, name in enumerate(tables)}
    sql, position = "", 0
    for start in sorted(edits):
        edit = edits[start]
        sql += _escaped(clean[position:start])
        sql += f"{{{places[edit.table]}}}" if edit.table else ""
        sql += f" AS `{edit.alias}`" if edit.alias else ""
        position = edit.end
    rest = clean[position:]
    return Statement(sql + (_escaped(rest) if places else rest), {place: name for name, place in places.items()})


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
