"""Load tables and query results as data frames, with times in UTC, and draw the pictures of a domain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
from kedro.framework.context import KedroContext

from podium.errors import PodiumError, did_you_mean
from podium.features.as_of import newest_known
from podium.lakehouse.listing import find_tables
from podium.lakehouse.query.execution import engine_errors, run_query
from podium.registered import domains
from podium.reports import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture", "sql", "tables"]


def tables(context: KedroContext) -> pd.DataFrame:
    """List the environment's tables by name, with zone, number of rows and version. No engine is started."""
    found = [(each.name, each.zone, each.rows, each.version) for each in find_tables(context.config_loader["catalog"])]
    return pd.DataFrame(found, columns=["name", "zone", "rows", "version"]).set_index("name")


def sql(context: KedroContext, query: str) -> pd.DataFrame:
    """Run a query as ``podium lake sql`` does and collect all its rows, which must fit into memory.

    Raises:
        QueryError: the text is not a query, the user may not read a table, or the engine refuses the query.
    """
    frame = run_query(query, context.config_loader["catalog"]).frame
    with engine_errors():
        return frame.toArrow().to_pandas()


def picture(context: KedroContext, title: str, domain: str = "flights") -> Figure:
    """Draw one exploration picture of a domain, chosen by its title, from the newest versions of all facts.

    Raises:
        PodiumError: no picture has that title, or a bronze table is missing.
    """
    definition = domains()[domain]
    known = {each.title: each for each in definition.pictures}
    if title not in known:
        listed = ", ".join(map(repr, known))
        raise PodiumError(f"There is no picture {title!r}{did_you_mean(title, known)}. There are: {listed}.")
    bronze = {each.name: context.catalog.load(f"{domain}.bronze_{each.name}") for each in definition.events}
    rows = known[title].table(newest_known(bronze, definition, datetime.max.replace(tzinfo=UTC))).toPandas()
    with drawing(*known[title].size) as figure:
        known[title].draw(figure, rows.sort_values(list(rows.columns), ignore_index=True))
        figure.set_facecolor("white")
        figure.suptitle(known[title].finding(rows), size=9)
    return figure
