"""Features recomputed with pandas from the source files, and late rates and row counts of the whole year."""

import numpy as np
import pandas as pd
import pytest

from podium.problems.flight_delay import PROBLEM
from tests.flights import KEYS, numbers, planned_departure

from .conftest import AS_OF

HOUR = pd.Timedelta(hours=1)
PSEUDO_FLIGHTS, OVERALL = 20, 0.22
MOMENTS = pd.date_range("2013-02-03", AS_OF, freq="15min", tz="UTC").to_series().sample(60, random_state=7)


def by_moment(table: pd.DataFrame, *entity: str) -> dict[tuple, dict]:
    """The rows of a feature table at the sampled moments, by entity and feature time."""
    rows = table[table["feature_time"].isin(MOMENTS)]
    found = {tuple(row[name] for name in (*entity, "feature_time")): row for row in rows.to_dict("records")}
    assert len(found) == len(rows)
    return found


def board(flights: pd.DataFrame, moment: pd.Timestamp, hours: int) -> dict[str, float]:
    """The departure board at a moment, recomputed from the flights planned for the last hours."""
    planned = flights["scheduled_departure"]
    shown = flights[(planned > moment - hours * HOUR) & (planned <= moment)]
    gone = shown["departed_at"] <= moment
    cancelled = shown["departed_at"].isna() & (shown["known_at"] <= moment)
    waiting = ~gone & ~cancelled
    so_far = (moment - shown["scheduled_departure"]) // pd.Timedelta(minutes=1)
    delay = shown["dep_delay"].where(gone, so_far)[gone | waiting]
    return {
        "pending": waiting.sum(),
        "delay": delay.sum() / len(delay) if len(delay) else np.nan,
        "late": (delay >= 15).sum() / len(delay) if len(delay) else np.nan,
        "cancelled": cancelled.sum(),
    }


@pytest.mark.parametrize(
    ("table", "prefix", "by"),
    [
        ("origin_departures", "origin", ["origin"]),
        ("carrier_departures", "carrier", ["carrier", "origin"]),
        ("destination_departures", "dest", ["dest"]),
    ],
)
def test_departure_boards(computed, flights, table, prefix, by):
    rows = by_moment(computed.table(f"features/{table}"), *by)
    observed = 0
    for moment in MOMENTS:
        for entity, group in list(flights.groupby(by))[:12]:
            row = rows.get((*entity, moment))
            for hours in (1, 3, 6, 12):
                expected = board(group, moment, hours)
                if row is None:
                    assert np.isnan(expected["delay"])
                    assert expected["pending"] == 0
                    continue
                assert row[f"{prefix}_pending_{hours}h"] == expected["pending"]
                np.testing.assert_equal(row[f"{prefix}_delay_{hours}h"], expected["delay"])
                np.testing.assert_equal(row[f"{prefix}_late_{hours}h"], expected["late"])
            if row is not None:
                assert row[f"{prefix}_cancelled_12h"] == expected["cancelled"]
                observed += expected["pending"] + expected["cancelled"]
    assert observed > 10, "the sample needs waiting and cancelled flights"


def test_recent_arrivals_at_the_origin(computed, flights):
    rows = by_moment(computed.table("features/origin_arrivals"), "origin")
    landed = flights.dropna(subset=["landed_at"])
    observed = 0
    for moment in MOMENTS:
        for origin, group in landed.groupby("origin"):
            row = rows.get((origin, moment))
            for hours in (3, 6, 12):
                recent = group[(group["landed_at"] > moment - hours * HOUR) & (group["landed_at"] <= moment)]
                delays = recent["arr_delay"].dropna()
                if row is None:
                    assert recent.empty
                    continue
                expected = delays.sum() / len(delays) if len(delays) else np.nan
                gain = (recent["dep_delay"] - recent["arr_delay"]).sum() / len(delays) if len(delays) else np.nan
                np.testing.assert_equal(row[f"origin_arr_delay_{hours}h"], expected)
                np.testing.assert_equal(row[f"origin_arr_gain_{hours}h"], gain)
                observed += len(delays)
    assert observed > 1000


@pytest.mark.parametrize(
    ("table", "by"),
    [
        ("carrier", ["carrier", "origin"]),
        ("destination", ["dest"]),
        ("route", ["carrier", "dest"]),
        ("hour", ["origin", "local_hour"]),
    ],
)
def test_history_over_trailing_days_with_pseudo_flights(computed, flights, table, by):
    rows = computed.table(f"features/{table}_history")
    local = flights["scheduled_departure"].dt.tz_convert("America/New_York")
    groups = dict(list(flights.assign(local_hour=local.dt.hour).groupby(by)))

    for row in rows.sample(80, random_state=7).to_dict("records"):
        group = groups[tuple(row[name] for name in by)]
        for days in (7, 28):
            age = row["feature_time"] - group["known_at"]
            known = group[(age >= pd.Timedelta(0)) & (age < pd.Timedelta(days=days))]
            rate = (known["late"].sum() + PSEUDO_FLIGHTS * OVERALL) / (len(known) + PSEUDO_FLIGHTS)
            assert row[f"{table}_late_rate_{days}d"] == rate
        assert row[f"{table}_flights_28d"] == len(known)
        assert row[f"{table}_arr_delay_28d"] == known["arr_delay"].fillna(0).clip(lower=0).sum() / len(known)


def test_history_has_a_row_for_each_day_with_a_new_outcome(computed, flights):
    rows = computed.table("features/carrier_history")
    known = flights[flights["known_at"] <= pd.Timestamp(AS_OF, tz="UTC").floor("D")]
    expected = set(zip(known["carrier"], known["origin"], known["known_at"].dt.ceil("D"), strict=True))

    assert set(zip(rows["carrier"], rows["origin"], rows["feature_time"], strict=True)) == expected


def exactly(text: str) -> float:
    """Parse a number with Python, because pandas is sometimes off by the last bit."""
    return np.nan if text in {"", "NA"} else float(text)


def test_weather_and_its_change(computed, files):
    weather = files["weather"]
    names = ("temp", "pressure", "humid", "visib", "precip", "wind_speed")
    values = {name: weather[name].map(exactly) for name in names}
    raw = pd.DataFrame({"origin": weather["origin"], "at": pd.to_datetime(weather["time_hour"], utc=True), **values})
    raw = raw.set_index(["origin", "at"])
    rows = computed.table("features/weather").sample(400, random_state=7)

    gaps = 0
    for row in rows.to_dict("records"):
        at = row["feature_time"] - HOUR
        now = raw.loc[(row["origin"], at)]
        earlier = (row["origin"], at - 3 * HOUR)
        before = raw.loc[earlier] if earlier in raw.index else now * np.nan
        gaps += before.isna().all()
        for name in ("temp", "pressure", "humid", "visib", "wind_speed"):
            np.testing.assert_equal(row[f"weather_{name}"], now[name])
            np.testing.assert_equal(row[f"weather_{name}_change_3h"], now[name] - before[name])
        hours = pd.MultiIndex.from_product([[row["origin"]], [at - n * HOUR for n in range(6)]])
        rain = raw["precip"].reindex(hours).dropna()
        assert row["weather_precip_6h"] == round(rain.sum() * 100)
    assert gaps, "the sample needs an hour without an observation"
    assert len(rows) == 400


def test_timetable_load(computed, files):
    planned = pd.DataFrame({"origin": files["flights"]["origin"], "at": planned_departure(files["flights"])})
    rows = computed.table("features/timetable_load")

    # The newest row of a slot has all flights: those of the hour after it are published last.
    rows = rows.sort_values("feature_time").groupby(["origin", "slot"]).tail(1)
    for row in rows.sample(150, random_state=7).to_dict("records"):
        at = planned[planned["origin"] == row["origin"]]["at"]
        slot = row["slot"]
        for name, begin, end in (("load_hour", 0, 1), ("load_3h", -1, 2), ("load_6h_before", -6, 0)):
            count = ((at >= slot + begin * HOUR) & (at < slot + end * HOUR)).sum()
            assert (row[name] if pd.notna(row[name]) else 0) == count
        assert row["feature_time"] <= slot - pd.Timedelta(days=50), "the timetable is known weeks before"


def test_the_features_of_a_request_are_those_of_its_prediction_time(spark, computed):
    """Compares the join over all tables with rows of one table, looked up by key."""
    from podium.features.feature_join import described, requests_between

    problem = PROBLEM
    read = spark.read.format("delta")
    bronze = {"timetable": read.load(str(computed.lake / "bronze" / "timetable"))}
    tables = {table.name: read.load(str(computed.lake / "features" / table.name)) for table in problem.tables}
    until = pd.Timestamp(AS_OF, tz="UTC")
    asked = requests_between(bronze, problem, after=(until - pd.Timedelta(days=2)).to_pydatetime(), until=until)

    found = described(asked, tables, problem).toPandas()

    assert len(found) == asked.count() > 100
    assert not found.duplicated(KEYS).any()
    assert found.columns.tolist() == [
        *problem.keys,
        "prediction_time",
        *(name for name in problem.feature_names if name not in problem.keys),
    ]
    boards = computed.table("features/origin_departures").set_index(["origin", "feature_time"])["origin_pending_12h"]
    for row in found.sample(50, random_state=7).to_dict("records"):
        moment = pd.Timestamp(row["prediction_time"], tz="UTC")
        assert moment == pd.Timestamp(row["scheduled_departure"], tz="UTC") - 2 * HOUR
        expected = boards.get((row["origin"], moment.floor("15min")), np.nan)
        np.testing.assert_equal(row["origin_pending_12h"], expected)


@pytest.fixture(scope="module")
def counted(raw) -> pd.DataFrame:
    """Flights and late flights by month, computed from the source file."""
    delay = numbers(raw["flights"]["arr_delay"])
    late = (delay >= 15) | delay.isna()
    return late.groupby(raw["flights"]["month"].astype(int)).agg(["size", "sum"])


def test_labels_of_the_whole_year_agree_with_the_source(spark, whole, counted):
    problem = PROBLEM
    bronze = {
        name: spark.read.format("delta").load(str(whole.lake / "bronze" / name)) for name in ("arrival", "cancellation")
    }

    labels = problem.labels(bronze).toPandas()

    assert len(labels) == 336_776
    assert not labels.duplicated(KEYS).any()
    month = labels["scheduled_departure"].dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.month
    found = labels["label"].groupby(month).agg(["size", "sum"])
    assert found["size"].tolist() == counted["size"].tolist()
    assert found["sum"].tolist() == counted["sum"].tolist()
    assert labels["label_available_at"].notna().all()
    assert (labels["label_available_at"] > labels["scheduled_departure"]).all()


def test_late_rates_agree_with_independent_figures(counted):
    """The expected rates of August to December were measured independently, before the project existed."""
    rate = counted["sum"] / counted["size"]

    assert rate[[8, 9, 10, 11, 12]].tolist() == pytest.approx([0.26, 0.16, 0.18, 0.19, 0.36], abs=0.01)


def test_the_whole_year_has_the_expected_row_counts(whole):
    counts = whole.table("quarantine/intake").set_index("event")["kept"].to_dict()

    assert counts == {
        "timetable": 336_776,
        "departure": 328_521,
        "arrival": 328_521,
        "cancellation": 8_255,
        "weather": 26_114,
        "airport": 1_458,
        "plane": 3_322,
        "airline": 16,
    }
