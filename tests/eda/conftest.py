"""Bronze tables of the first week of January, built from the real files by the problem's own code."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from podium.domains.flights import sources

AS_OF = datetime(2013, 1, 10, tzinfo=UTC)
TEXT = ["carrier", "tailnum", "origin", "dest", "faa", "name", "dst", "tzone"]
TEXT += ["type", "manufacturer", "model", "engine"]


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Convert the columns of a source file, all read as text, to text, numbers and times."""
    out = rows.replace(["NA", ""], None).reset_index(drop=True)
    for name in out.columns.difference(TEXT):
        if name == "time_hour":
            out[name] = pd.to_datetime(out[name], utc=True)
        else:
            out[name] = pd.to_numeric(out[name]).astype(float)
    return out


@pytest.fixture(scope="session")
def week(raw) -> dict[str, pd.DataFrame]:
    """The typed source files, with flights and weather of 1 to 7 January only (Tuesday to Monday)."""
    files = dict(raw)
    for name in ("flights", "weather"):
        rows = raw[name]
        files[name] = rows[(rows["month"] == "1") & (rows["day"].astype(int) <= 7)]
    return {name: typed(rows) for name, rows in files.items()}


@pytest.fixture(scope="session")
def bronze(week) -> dict[str, pd.DataFrame]:
    """The rows of each bronze table, by event name."""
    zones = {"BQN": "America/Puerto_Rico", "SJU": "America/Puerto_Rico", "STT": "America/Puerto_Rico",
             "PSE": "America/Puerto_Rico"}  # fmt: skip
    reference = sources.reference({"airports": week["airports"]}, sources.SourceParams(time_zones=zones))
    flown = week["flights"]["dep_time"].notna()
    mine = {"departure": flown, "arrival": flown, "cancellation": ~flown}
    made = {}
    for event in sources.EVENTS:
        rows = week[event.sources[0]]
        rows = rows[mine[event.name]] if event.name in mine else rows
        built = event.build(rows.reset_index(drop=True), reference)
        known = built["available_at"]
        made[event.name] = built.assign(arrived_at=known, known_at=known, version=1)
    return made


@pytest.fixture(scope="session")
def to_frames(spark):
    """Return a function that turns bronze rows into Spark frames, in the order of the problem's events."""

    def turn(tables: dict[str, pd.DataFrame]):
        frames = {}
        for event in sources.EVENTS:
            columns = [field.split()[0] for field in event.bronze_schema.split(", ")]
            frames[event.name] = spark.createDataFrame(tables[event.name][columns], event.bronze_schema)
        return frames

    return turn


@pytest.fixture(scope="session")
def frames(to_frames, bronze):
    """The bronze tables as Spark frames."""
    return to_frames(bronze)
