"""Tables as small data frames, with times in UTC, and the pictures of a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from kedro.framework.context import KedroContext

from podium.errors import PodiumError, did_you_mean
from podium.lakehouse.listing import find_tables
from podium.lakehouse.query.execution import engine_errors, run_query
from podium.problems import PROBLEMS
from podium.reports import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture", "sql", "tables"]


def tables(context: KedroContext) -> pd.DataFrame:
    """Every table of the environment by its name: zone, rows, version. Starts no engine."""
    found = [(each.name, each.zone, each.rows, each.version) for each in find_tables(context.config_loader["catalog"])]
    return pd.DataFrame(found, columns=["name", "zone", "rows", "version"]).set_index("name")


def sql(context: KedroContext, query: str) -> pd.DataFrame:
    """All rows of a query over the tables by their names, run as ``podium lake sql`` runs it: let it give few.

    Raises:
        QueryError: it is no query, reads what it may not, or the engine does not understand it.
    """
    frame = run_query(query, context.config_loader["catalog"]).frame
    with engine_errors():
        return frame.toArrow().to_pandas()


def picture(context: KedroContext, title: str, problem: str = "flight_delay") -> Figure:
    """One of the pictures that a problem's exploration draws, of all that is in bronze.

    Raises:
        PodiumError: there is none of that title, or a bronze table is missing.
    """
    definition = PROBLEMS[problem]
    known = {each.title: each for each in definition.pictures}
    if title not in known:
        listed = ", ".join(map(repr, known))
        raise PodiumError(f"There is no picture {title!r}{did_you_mean(title, known)}. There are: {listed}.")
    bronze = {each.name: context.catalog.load(f"{problem}.bronze_{each.name}") for each in definition.events}
    rows = known[title].table(bronze).toPandas()
    with drawing(*known[title].size) as figure:
        known[title].draw(figure, rows.sort_values(list(rows.columns), ignore_index=True))
        figure.set_facecolor("white")
        figure.suptitle(known[title].finding(rows), size=9)
    return figure
