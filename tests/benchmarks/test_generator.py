"""The generator of larger sources: n times the rows, unique keys, and copies whose features equal the original's."""

import pandas as pd
import pytest

from benchmarks import _copies
from podium.domains.flights import DOMAIN
from tests.conftest import Project

TIMES = 3
AS_OF = "2013-02-20"
# Tables keyed by carrier or destination: each copy has its own. All copies share the origins, which key the others.
OWN = [table for table in DOMAIN.tables if {"carrier", "dest"} & set(table.entity)]
KEY = ["carrier", "flight", "origin", "year", "month", "day", "hour", "minute"]


@pytest.fixture(scope="module")
def source(small) -> _copies.Files:
    """Two months of the small source. Its airports lack Puerto Rico, and its weather has an impossible row."""
    flights = small["flights"]
    return small | {"flights": flights[flights["month"].isin(["1", "2"])].reset_index(drop=True)}


@pytest.fixture(scope="module")
def once(source, new_project, tmp_path_factory) -> Project:
    project = new_project(_copies.write(source, 1, tmp_path_factory.mktemp("once")))
    project.run("feature_engineering", as_of=AS_OF)
    return project


@pytest.fixture(scope="module")
def grown(source, new_project, tmp_path_factory) -> Project:
    project = new_project(_copies.write(source, TIMES, tmp_path_factory.mktemp("grown")))
    project.run("feature_engineering", as_of=AS_OF)
    return project


def renamed(rows: pd.DataFrame, codes: _copies.Codes) -> pd.DataFrame:
    """The rows of a copy, with the original's codes."""
    out = rows.copy()
    for column in {"carrier", "dest"} & set(rows.columns):
        out[column] = rows[column].map({new: old for old, new in getattr(codes, column).items()})
    return out


def ordered(rows: pd.DataFrame, table) -> pd.DataFrame:
    return rows.sort_values([*table.entity, "feature_time"], ignore_index=True)


def test_a_factor_of_one_copies_the_source(source, tmp_path):
    written = _copies.read(_copies.write(source, 1, tmp_path / "source"))
    for name, rows in source.items():
        pd.testing.assert_frame_equal(written[name], rows.reset_index(drop=True), obj=name)


def test_a_factor_of_n_gives_n_times_the_flights_with_unique_keys(raw, tmp_path):
    flights = _copies.read(_copies.write(raw, 2, tmp_path / "source"))["flights"]
    assert len(flights) == 2 * len(raw["flights"])
    assert not flights.duplicated(KEY).any()
    assert flights["carrier"].nunique() == 2 * raw["flights"]["carrier"].nunique()
    tails = flights["tailnum"].to_numpy()[flights["tailnum"] != "NA"]
    assert pd.Series(tails).nunique() == 2 * (raw["flights"]["tailnum"].nunique() - 1)


def test_no_two_copies_share_a_code(raw):
    for kind in ("carrier", "dest", "tailnum"):
        taken = [code for number in range(16) for code in getattr(_copies.codes(raw, number), kind).values()]
        assert len(taken) == len(set(taken)), kind
        assert not {"NA", ""} & set(taken), kind


def test_too_few_free_codes_are_an_error(raw):
    with pytest.raises(ValueError, match="no 16 free codes"):
        _copies.codes(raw, 90)


@pytest.mark.faults
def test_copies_pass_and_fail_the_same_contracts(once, grown):
    rules = ["event", "rule"]
    before, after = (project.table("quarantine/rows")[rules].value_counts() for project in (once, grown))
    pd.testing.assert_series_equal(after, before)
    for event in ("timetable", "departure", "arrival", "cancellation"):
        assert len(grown.table(f"bronze/{event}")) == TIMES * len(once.table(f"bronze/{event}"))


@pytest.mark.faults
@pytest.mark.parametrize("table", OWN, ids=lambda table: table.name)
def test_features_of_a_copy_are_those_of_the_original(once, grown, source, table):
    original = ordered(once.table(f"features/{table.name}"), table)
    rows = grown.table(f"features/{table.name}")
    assert len(rows) == TIMES * len(original)
    whose = next(name for name in ("carrier", "dest") if name in table.entity)
    for number in range(TIMES):
        codes = _copies.codes(source, number)
        mine = rows[rows[whose].isin(getattr(codes, whose).values())]
        pd.testing.assert_frame_equal(ordered(renamed(mine, codes), table), original)


@pytest.mark.faults
def test_an_origin_has_the_flights_of_all_copies(once, grown):
    table = next(table for table in DOMAIN.tables if table.name == "origin_departures")
    before, after = (ordered(project.table(f"features/{table.name}"), table) for project in (once, grown))
    counts = [feature.name for feature in table.features if feature.unit == "flights"]
    shares = [feature.name for feature in table.features if feature.unit != "flights"]
    pd.testing.assert_frame_equal(after[counts], TIMES * before[counts])
    pd.testing.assert_frame_equal(after[[*table.entity, *shares]], before[[*table.entity, *shares]])
