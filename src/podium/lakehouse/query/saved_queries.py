"""Named queries: SQL files in conf/, each with a title and an optional threshold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["NamedQuery", "Threshold", "Verdict", "find_queries", "named_query", "read_query"]

FOLDER = "queries"
KEYS = ("title", "threshold")
HEADER = re.compile(r"--\s*(\w+)\s*:\s*(.*)")
TOO_LATE = re.compile(rf"--\s*({'|'.join(KEYS)})\s*:", re.IGNORECASE)
THRESHOLD = re.compile(r"(\w+)\s*(>=|<=|>|<)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
ROWS = "rows"


@dataclass(frozen=True)
class Verdict:
    """The outcome of comparing a query's result with its threshold.

    Attributes:
        crossed: whether any row crosses the threshold. NaN crosses every threshold, null none.
        value: the number of rows, or the most extreme value in the direction of the threshold. None if the
            column holds no value.
        rows: number of rows that cross the threshold.
    """

    crossed: bool
    value: float | None
    rows: int


@dataclass(frozen=True)
class Threshold:
    """A threshold for a result, such as ``rows > 0``. Its measure is a column, or ``rows`` for the number of rows."""

    measure: str
    operator: str
    limit: float

    def __str__(self) -> str:
        return f"{self.measure} {self.operator} {self.limit:.12g}"

    def judge(self, result: DataFrame) -> Verdict:
        """Compare all rows of a result with the threshold, on the engine.

        Raises:
            PodiumError: the result lacks the column, the column is not numeric, or ``rows`` is ambiguous.
        """
        from pyspark.sql import functions as F

        rows = F.count(F.lit(1))
        if self.measure == ROWS:
            self._refuse_two_meanings(result)
            value = result.agg(rows).toArrow()[0][0].as_py()
            crossed = _compare(value, self.operator, self.limit)
            return Verdict(crossed, value, value if crossed else 0)
        column = F.col(f"`{self._column(result)}`").cast("double")
        beyond = column > self.limit if self.operator[0] == ">" else column < self.limit
        if self.operator.endswith("="):
            beyond |= column == self.limit
        furthest = F.max(column) if self.operator[0] == ">" else F.min(column)
        found = result.agg(furthest, F.count(F.when(beyond | F.isnan(column), 1))).toArrow()
        value, crossing = (found[place][0].as_py() for place in (0, 1))
        return Verdict(crossing > 0, value, crossing)

    def _refuse_two_meanings(self, result: DataFrame) -> None:
        if ROWS in map(str.lower, result.columns):
            raise PodiumError(
                f"The threshold {self} is ambiguous, because the result has a column {ROWS}. Rename it with AS."
            )

    def _column(self, result: DataFrame) -> str:
        from pyspark.sql.types import NumericType

        same = [each for each in result.schema.fields if each.name.lower() == self.measure.lower()]
        if len(same) != 1:
            what = "no column" if not same else "two columns"
            near = did_you_mean(self.measure, result.columns) if not same else ""
            raise PodiumError(
                f"The threshold {self} cannot be checked: the result has {what} {self.measure!r}{near}. Its columns "
                f"are {', '.join(result.columns)}; {ROWS} is the number of rows."
            )
        if not isinstance(same[0].dataType, NumericType):
            raise PodiumError(
                f"The threshold {self} cannot be checked: {same[0].name} is {same[0].dataType.simpleString()}, not a "
                "number. Cast it in the query."
            )
        return same[0].name


@dataclass(frozen=True)
class NamedQuery:
    """A query from an SQL file in conf/, with its title and its optional threshold.

    Attributes:
        name: the name of its file, without ``.sql``.
        title: what it shows, in a few words.
        sql: the text of its file.
        threshold: the threshold for its result, if it has one.
        file: the path of its file.
    """

    name: str
    title: str
    sql: str
    threshold: Threshold | None
    file: Path


def find_queries(conf: Path, env: str) -> dict[str, Path]:
    """Map the name of each query to its file. The environment's file replaces a file of the same name in base."""
    folders = (conf / "base" / FOLDER, conf / env / FOLDER)
    found = {file.stem: file for folder in folders for file in folder.glob("*.sql")}
    return dict(sorted(found.items()))


def named_query(name: str, files: Mapping[str, Path]) -> NamedQuery:
    """Find a named query among ``files``, and read it.

    Raises:
        PodiumError: there is no query of that name, or its file is wrong.
    """
    if name not in files:
        raise PodiumError(
            f"There is no named query {name!r}{did_you_mean(name, files)}. To list all: podium lake sql --list"
        )
    return read_query(files[name])


def read_query(file: Path) -> NamedQuery:
    """Read the file of a query: comments ``-- key: value``, then SQL.

    Raises:
        PodiumError: the file is wrong. The error names file, line and key.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as wrong:
        raise PodiumError(f"{file} is not UTF-8: {wrong.reason} at byte {wrong.start}. Save it as UTF-8.") from wrong
    keys: dict[str, str] = {}
    in_head = True
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        in_head = in_head and (not line or line.startswith("--"))
        if in_head and (found := HEADER.fullmatch(line)):
            _take(keys, found[1].lower(), found[2].strip(), f"{file}, line {number}")
        elif not in_head and TOO_LATE.search(line):
            raise PodiumError(f"{file}, line {number}: title and threshold must be above the SQL.")
    if in_head:
        raise PodiumError(f"{file} contains no SQL.")
    if "title" not in keys:
        raise PodiumError(f"{file} has no title. Begin it with: -- title: what the query shows")
    threshold = _threshold(keys["threshold"]) if "threshold" in keys else None
    return NamedQuery(file.stem, keys["title"], text, threshold, file)


def _take(keys: dict[str, str], key: str, value: str, where: str) -> None:
    if key not in KEYS:
        known = " and ".join(KEYS)
        raise PodiumError(f"{where}: there is no key {key!r}{did_you_mean(key, KEYS)}. The keys are {known}.")
    if key in keys:
        raise PodiumError(f"{where}: {key} appears twice. Remove one of the lines.")
    if not value:
        raise PodiumError(f"{where}: {key} is empty. Write its value on the same line.")
    if key == "threshold" and not THRESHOLD.fullmatch(value):
        raise PodiumError(
            f"{where}: threshold: {value!r} is not valid. Write a column of the result, or the word rows for the "
            "number of rows, then >, >=, < or <=, then a number. Example: rows > 0"
        )
    keys[key] = value


def _threshold(text: str) -> Threshold:
    measure, operator, limit = THRESHOLD.fullmatch(text).groups()  # type: ignore[union-attr]
    return Threshold(ROWS if measure.lower() == ROWS else measure, operator, float(limit))


def _compare(value: float, operator: str, limit: float) -> bool:
    return {">": value > limit, ">=": value >= limit, "<": value < limit, "<=": value <= limit}[operator]
