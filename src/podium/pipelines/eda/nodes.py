"""Exploration, table to table: what was known, its profile, the pictures, the page."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from podium.lakehouse.table import Rows
from podium.pipelines.eda.drawn import Drawn, drawn
from podium.pipelines.eda.missing import missing_values
from podium.pipelines.eda.profile import SCHEMA, profile_tables
from podium.pipelines.eda.report import render_page
from podium.problems.base import Picture, Problem

__all__ = ["draw", "known", "page", "profile", "profile_rows"]


def known(frames: Mapping[str, DataFrame], as_of: datetime) -> dict[str, DataFrame]:
    """The rows of every table that were knowable at ``as_of`` (with time zone); lazy."""
    return {name: frame.filter(F.col("available_at") <= F.lit(as_of)) for name, frame in frames.items()}


def profile(frames: Mapping[str, DataFrame], as_of: datetime) -> pd.DataFrame:
    """The profile of every table as known at ``as_of``; see ``profile_tables`` for its columns. One action a table."""
    return profile_tables(known(frames, as_of), as_of)


def profile_rows(profile: pd.DataFrame, frames: Mapping[str, DataFrame]) -> Rows:
    """The profile on its way into the table ``eda_profile``; ``frames`` lend their session."""
    session = next(iter(frames.values())).sparkSession
    table = pa.Table.from_pandas(profile, preserve_index=False)
    return Rows(frame=session.createDataFrame(table, SCHEMA), keys=("as_of", "table", "column"))


def draw(frames: Mapping[str, DataFrame], as_of: datetime, pictures: Iterable[Picture]) -> list[Drawn]:
    """The pictures of what was known at ``as_of``, each with its finding. One action a picture."""
    tables = known(frames, as_of)
    return [
        drawn(
            picture.table(tables).toPandas(),
            title=picture.title,
            question=picture.question,
            draw=picture.draw,
            finding=picture.finding,
            size=picture.size,
        )
        for picture in pictures
    ]


def page(problem: Problem, as_of: datetime, profile: pd.DataFrame, pictures: list[Drawn]) -> str:
    """The HTML page of the exploration: the same ``as_of`` and data give the same bytes."""
    return render_page(problem, as_of, profile, [*pictures, missing_values(profile)])
