"""Run queries for ``podium lake sql``, and print rows, named queries and thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import as_json, console
from .rows import cell, count, plain, print_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from podium.lakehouse.query.execution import Answer
    from podium.lakehouse.query.export import Format
    from podium.lakehouse.query.saved_queries import NamedQuery, Verdict

    from .project import Project

__all__ = ["CROSSED", "list_queries", "run_query"]

# The exit code if the result of a named query crosses the threshold that the query's file sets.
CROSSED = 3


def list_queries(project: Project, *, wants_json: bool) -> None:
    """Print the named queries of an environment.

    Raises:
        PodiumError: the file of a query is invalid.
    """
    from rich.table import Table as Grid

    from podium.lakehouse.query.saved_queries import find_queries, read_query

    found = [read_query(file) for file in find_queries(project.conf, project.env).values()]
    if wants_json:
        as_json([_named(query) | {"file": str(query.file)} for query in found])
        return
    grid = Grid("name", "title", "threshold", "file", box=None, pad_edge=False, header_style="bold")
    for query in found:
        said = _named(query) | {"file": query.file.relative_to(project.conf)}
        grid.add_row(*(cell(value or "") for value in said.values()))
    console().print(
        grid if found else f"There are no named queries: {project.conf / 'base' / 'queries'} has no .sql file."
    )


def run_query(
    project: Project,
    sql: str | None,
    name: str | None,
    *,
    limit: int,
    target: tuple[Format, Path] | None,
    force: bool,
    wants_json: bool,
) -> bool:
    """Run a query and show its first rows, or write all rows to a file.

    Args:
        project: the project, in one environment.
        sql: the query, unless ``name`` is given.
        name: the name of a named query.
        limit: number of rows to show.
        target: format and path of a file to write all rows to, instead of showing some.
        force: whether to replace an existing file.
        wants_json: whether to print one JSON document.

    Returns:
        Whether the query crosses its threshold.

    Raises:
        PodiumError: the query could not be run. No file was written.
    """
    from podium.lakehouse.query.execution import engine_errors, first_rows, run_query
    from podium.lakehouse.query.export import require_place, write_file
    from podium.lakehouse.query.saved_queries import find_queries, named_query

    query = named_query(name, find_queries(project.conf, project.env)) if name is not None else None
    if target:
        require_place(target[1], force=force)
    with project.prepared():
        answer = run_query(query.sql if query else sql or "", project.section("catalog"))
        with engine_errors():
            verdict = query.threshold.judge(answer.frame) if query and query.threshold else None
        if target:
            written = write_file(answer.frame, target[1], target[0], force=force)
        else:
            rows, more = first_rows(answer.frame, limit)
    if wants_json:
        body = {"file": str(target[1]), "written": written} if target else _document(answer, rows, more)
        as_json(_head(query, verdict) | {"tables": answer.versions} | body)
    else:
        out = console()
        if query:
            out.print(f"{query.title}\n", style="bold", markup=False)
        if target:
            out.print(f"{count(written)} in {target[1]}", soft_wrap=True, markup=False)
        else:
            print_rows(rows, more)
        if query and verdict:
            _print_verdict(query, verdict)
    return verdict is not None and verdict.crossed


def _named(query: NamedQuery | None) -> dict[str, Any]:
    threshold = str(query.threshold) if query and query.threshold else None
    return {"name": query and query.name, "title": query and query.title, "threshold": threshold}


def _head(query: NamedQuery | None, verdict: Verdict | None) -> dict[str, Any]:
    judged = {"crossed": verdict.crossed, "value": plain(verdict.value), "crossing": verdict.rows} if verdict else {}
    return _named(query) | judged


def _document(answer: Answer, rows: pa.Table, more: bool) -> dict[str, Any]:
    from podium.lakehouse.query.execution import require_unique_names

    require_unique_names(rows.column_names)
    columns = [{"name": each.name, "type": each.dataType.simpleString()} for each in answer.frame.schema.fields]
    return {"columns": columns, "rows": plain(rows.to_pylist()), "more": more}


def _print_verdict(query: NamedQuery, verdict: Verdict) -> None:
    value = "no value" if verdict.value is None else f"{verdict.value:,.12g}"
    said = f"The threshold {query.threshold} is {'CROSSED' if verdict.crossed else 'not crossed'}: {value}"
    if verdict.crossed and query.threshold and query.threshold.measure != "rows":
        said += f", in {count(verdict.rows)}"
    console().print(said, style="bold red" if verdict.crossed else "", soft_wrap=True, markup=False)
