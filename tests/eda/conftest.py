"""Bronze tables of the first week of January, made by the problem's own builders from the real files."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from podium.problems.flight_delay import sources

AS_OF = datetime(2013, 1, 10, tzinfo=UTC)
TEXT = ["carrier", "tailnum", "origin", "dest", "faa", "name", "dst", "tzone"]
TEXT += ["type", "manufacturer", "model", "engine"]


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Text columns of a source file as text, numbers and times."""
    out = rows.replace(["NA", ""], None).reset_index(drop=True)
    for name in out.columns.difference(TEXT):
        if name == "time_hour":
            out[name] = pd.to_datetime(out[name], utc=True)
        else:
            out[name] = pd.to_numeric(out[name]).astype(float)
    return out


@pytest.fixture(scope="session")
def week(raw) -> dict[str, pd.DataFrame]:
    """The typed source files, flights and weather cut to 1-7 January: from a Tuesday to a Monday."""
    files = dict(raw)
    for name in ("flights", "weather"):
        rows = raw[name]
        files[name] = rows[(rows["month"] == "1") & (rows["day"].astype(int) <= 7)]
    return {name: typed(rows) for name, rows in files.items()}


@pytest.fixture(scope="session")
def bronze(week) -> dict[str, pd.DataFrame]:
    """Event name -> the rows of its bronze table."""
    zones = {"BQN": "America/Puerto_Rico", "SJU": "America/Puerto_Rico", "STT": "America/Puerto_Rico",
             "PSE": "America/Puerto_Rico"}  # fmt: skip
    reference = sources.reference({"airports": week["airports"]}, sources.SourceParams(time_zones=zones))
    flown = week["flights"]["dep_time"].notna()
    mine = {"departure": flown, "arrival": flown, "cancellation": ~flown}
    made = {}
    for event in sources.EVENTS:
        rows = week[event.source]
        rows = rows[mine[event.name]] if event.name in mine else rows
        made[event.name] = event.build(rows.reset_index(drop=True), reference)
    return made


@pytest.fixture(scope="session")
def to_frames(spark):
    """Turn the rows of bronze tables into Spark frames, in the order of the problem's events."""

    def turn(tables: dict[str, pd.DataFrame]):
        frames = {}
        for event in sources.EVENTS:
            columns = [field.split()[0] for field in event.schema.split(", ")]
            frames[event.name] = spark.createDataFrame(tables[event.name][columns], event.schema)
        return frames

    return turn


@pytest.fixture(scope="session")
def frames(to_frames, bronze):
    """The bronze tables as Spark frames."""
    return to_frames(bronze)
