"""The nodes of exploration: bronze tables as known at ``as_of`` -> profile, pictures, HTML page."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame

from podium.domains.base import Domain, Picture
from podium.features.as_of import newest_known
from podium.lakehouse.table import Rows
from podium.pipelines.eda.missing import missing_values
from podium.pipelines.eda.page_picture import PagePicture, page_picture
from podium.pipelines.eda.profile import SCHEMA, profile_tables
from podium.pipelines.eda.report import render_page

__all__ = ["draw", "page", "profile"]


def profile(as_of: datetime, *frames: DataFrame, domain: Domain) -> tuple[pd.DataFrame, Rows]:
    """The profile of every bronze table as known at ``as_of``, for the page and for the table ``eda_profile``.

    Args:
        as_of: the moment of the run, with time zone.
        frames: the bronze tables, in the order of the domain's events. One Spark action for each.
        domain: the domain.

    Returns:
        The columns of ``podium.pipelines.eda.profile.SCHEMA``, as a pandas frame and as rows to merge by key.
    """
    found = profile_tables(newest_known(_named(frames, domain), domain, as_of), as_of)
    table = pa.Table.from_pandas(found, preserve_index=False)
    rows = frames[0].sparkSession.createDataFrame(table, SCHEMA)
    return found, Rows(frame=rows, keys=("as_of", "table", "column"))


def draw(as_of: datetime, *frames: DataFrame, domain: Domain) -> list[PagePicture]:
    """Draw the domain's pictures of the rows known at ``as_of``, and describe each in a sentence, its finding."""
    tables = newest_known(_named(frames, domain), domain, as_of)
    return [_drawn(picture, picture.table(tables).toPandas()) for picture in domain.pictures]


def page(as_of: datetime, profile: pd.DataFrame, pictures: list[PagePicture], *, domain: Domain) -> str:
    """The HTML page of the exploration. The same ``as_of`` and data give the same bytes."""
    return render_page(domain, as_of, profile, [*pictures, missing_values(profile)])


def _named(frames: Sequence[DataFrame], domain: Domain) -> dict[str, DataFrame]:
    return {event.name: frame for event, frame in zip(domain.events, frames, strict=True)}


def _drawn(picture: Picture, rows: pd.DataFrame) -> PagePicture:
    return page_picture(
        rows,
        title=picture.title,
        question=picture.question,
        draw=picture.draw,
        finding=picture.finding,
        size=picture.size,
    )
