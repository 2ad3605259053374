"""Bad rows go to quarantine with the reason, separately for each event. The valid events of a bad row stay."""

import json

import pandas as pd
import pytest

from podium.errors import PodiumError
from tests.flights import KEYS

FLIGHT_EVENTS = {"timetable", "departure", "arrival", "cancellation"}
FLEW = {"timetable", "departure", "arrival"}

# By name of the mistake: changes to a valid flight, the events that become invalid, and the rule that they break.
SPOILED = {
    "unparsable delay": ({"dep_delay": "abc"}, {"departure", "arrival"}, "dep_delay: is not a number"),
    "delay without end": ({"dep_delay": "inf"}, {"departure", "arrival"}, "dep_delay: is not a number"),
    "delay beyond all numbers": ({"dep_delay": "1e999"}, {"departure", "arrival"}, "dep_delay: is not a number"),
    "unparsable arrival": ({"arr_delay": "garbage"}, {"arrival"}, "arr_delay: is not a number"),
    "arrival delay of weeks": ({"arr_delay": "99999"}, {"arrival"}, "arr_delay: whole_number"),
    "arrival that contradicts itself": ({"arr_delay": "500"}, {"arrival"}, "row: arr_time is the planned time plus"),
    "arrival delay of a fraction": ({"arr_delay": "10.5"}, {"arrival"}, "arr_delay: whole_number"),
    "arrival at 12:75": ({"arr_time": "1275"}, {"arrival"}, "arr_time: is a time of day"),
    "departure at 12:75": ({"dep_time": "1275"}, {"departure"}, "row: dep_time is the planned time plus dep_delay"),
    "departure at 25:61": ({"dep_time": "2561"}, {"departure"}, "dep_time: in_range"),
    "planned for 25:61": ({"sched_dep_time": "2561"}, {"timetable"}, "sched_dep_time: in_range"),
    "planned arrival at 12:75": ({"sched_arr_time": "1275"}, {"timetable", "arrival"}, "sched_arr_time: is a time"),
    "day that is another one": ({"day": "28"}, FLEW, "row: time_hour is year-month-day hour in New York"),
    "time that is none": ({"time_hour": "2013-02-30T10:00:00Z"}, FLEW, "time_hour: is not a time"),
    "half an hour as hour": ({"time_hour": "2013-01-05T10:30:00Z"}, FLEW, "row: "),
    "unknown origin": ({"origin": "XXX"}, FLEW, "origin: isin"),
    "no carrier": ({"carrier": ""}, FLEW, "carrier: not_nullable"),
    "half a flight number": ({"flight": "7.5"}, FLEW, "flight: whole_number"),
    "destination without a time zone": ({"dest": "QQQ"}, {"timetable", "arrival"}, "its key or time cannot be"),
    "destination that is no code": ({"dest": "Boston"}, {"timetable", "arrival"}, "dest: looks_like"),
    "distance below zero": ({"distance": "-5"}, {"timetable"}, "distance: whole_number"),
    "time in the air": ({"air_time": "1e300"}, {"arrival"}, "air_time: whole_number"),
    "tail number": ({"tailnum": "?"}, {"departure"}, "tailnum: looks_like"),
    "delay, but never left": ({"dep_time": ""}, {"cancellation"}, "row: a flight without dep_time has no other"),
}
MALFORMED = ["2013,1,2,too,few", ",".join(["1"] * 25)]


@pytest.fixture(scope="module")
def spoiled(week) -> pd.DataFrame:
    """The flights of the week, with one row corrupted for each mistake, which the column ``trouble`` names."""
    flights = week["flights"].assign(trouble="")
    on_time = flights.index[(flights["arr_delay"].str.len() > 0) & (flights["arr_time"].str.len() == 4)]
    for place, (trouble, (changes, _, _)) in zip(on_time[10::7], SPOILED.items(), strict=False):
        flights.loc[place, [*changes, "trouble"]] = [*changes.values(), trouble]
    assert set(flights["trouble"]) == {"", *SPOILED}
    twice = flights.loc[on_time[[5]]].assign(tailnum="N00TWO", trouble="duplicate")
    return pd.concat([flights, twice], ignore_index=True)


@pytest.fixture(scope="module")
def project(week, spoiled, new_project):
    """A project that ingested the corrupted flights, two malformed lines, and bad rows in the other files."""
    weather, planes = week["weather"].copy(), week["planes"].copy()
    weather.loc[3, "temp"], weather.loc[4, "origin"] = "500", "BOS"
    weather = pd.concat([weather, weather.iloc[[0]].assign(temp="1")], ignore_index=True)
    planes.loc[7, "seats"] = "none"
    project = new_project(week | {"flights": spoiled.drop(columns="trouble"), "weather": weather, "planes": planes})
    with (project.source / "flights.csv").open("a") as file:
        file.write("\n".join(MALFORMED) + "\n")
    project.run("feature_engineering", as_of="2013-01-05", flights__ingestion__max_quarantined_share=0.2)
    return project


@pytest.fixture(scope="module")
def quarantine(project) -> pd.DataFrame:
    """All quarantined rows, with ``received`` parsed to a dictionary."""
    rows = project.table("quarantine/rows")
    return rows.assign(received=rows["received"].map(json.loads))


@pytest.mark.parametrize("trouble", SPOILED)
def test_a_bad_row_is_quarantined_as_received_with_the_reason(quarantine, spoiled, trouble):
    _, events, rule = SPOILED[trouble]
    (index,) = spoiled.index[spoiled["trouble"] == trouble]

    found = quarantine[(quarantine["row"] == index + 1) & quarantine["event"].isin(FLIGHT_EVENTS)]

    assert set(found["event"]) == events
    assert found["rule"].str.contains(rule, regex=False).all(), found["rule"].tolist()
    as_received = {name: text for name, text in spoiled.drop(columns="trouble").loc[index].items() if text}
    assert all(received == as_received for received in found["received"])


def bronze_keys(project, event: str) -> set[tuple]:
    frame = project.table(f"bronze/{event}")
    return set(zip(frame["carrier"], frame["flight"], frame["origin"], frame["scheduled_departure"], strict=True))


@pytest.mark.parametrize("event", sorted(FLIGHT_EVENTS))
def test_the_valid_events_of_a_bad_row_are_in_bronze(project, spoiled, event):
    """Bronze has exactly the rows that report the event without a mistake in it."""
    left = spoiled["dep_time"] != ""
    claims = {"timetable": left | True, "departure": left, "arrival": left, "cancellation": ~left}[event]
    bad = spoiled["trouble"].isin([trouble for trouble, (_, events, _) in SPOILED.items() if event in events])
    good = spoiled[claims & ~bad & (spoiled["trouble"] != "duplicate")]
    moments = pd.to_datetime(good["time_hour"]) + pd.to_timedelta(good["minute"].astype(int), unit="min")

    expected = set(zip(good["carrier"], good["flight"].astype(int), good["origin"], moments, strict=True))

    assert bronze_keys(project, event) == expected


def test_a_bad_arrival_keeps_the_timetable_and_departure_of_its_row(project, spoiled):
    bad = spoiled[spoiled["trouble"] == "unparsable arrival"]
    moment = pd.to_datetime(bad["time_hour"]) + pd.to_timedelta(bad["minute"].astype(int), unit="min")
    key = (bad["carrier"].iloc[0], int(bad["flight"].iloc[0]), bad["origin"].iloc[0], moment.iloc[0])

    assert key in bronze_keys(project, "timetable") & bronze_keys(project, "departure")
    assert key not in bronze_keys(project, "arrival")


def test_rows_of_one_key_are_versions_of_one_fact(project):
    """They are counted as duplicates where they say the same: the timetable has no tail number."""
    departures = project.table("bronze/departure")
    twice = departures[departures.duplicated(KEYS, keep=False)]

    assert len(twice) == 2
    assert "N00TWO" in set(twice["tail_number"])
    assert sorted(twice["version"]) == [1, 2]
    assert twice.set_index("version").loc[2, "tail_number"] == "N00TWO", "of a dump, the last row is the newest"
    assert (departures["version"] == 1).sum() == len(departures) - 1
    assert (project.table("bronze/timetable")["version"] == 1).all()
    counts = project.table("quarantine/intake").set_index("event")["duplicates"]
    assert counts[counts > 0].to_dict() == {"timetable": 1, "arrival": 1}


@pytest.mark.parametrize("event", sorted(FLIGHT_EVENTS))
def test_malformed_lines_count_for_every_event_of_their_file(quarantine, event):
    found = quarantine[(quarantine["event"] == event) & quarantine["rule"].str.contains("number of columns")]

    assert [received["malformed"] for received in found.sort_values("row")["received"]] == MALFORMED


def test_rows_of_other_files_are_checked_too(quarantine):
    rules = quarantine[~quarantine["event"].isin(FLIGHT_EVENTS)].groupby("event")["rule"].apply(sorted)

    assert rules["weather"] == [
        "origin: isin(['EWR', 'JFK', 'LGA'])",
        "temp: in_range(-80, 135)",
    ]
    assert rules["plane"] == ["seats: is not a number"]
    assert set(rules.index) == {"weather", "plane"}


def test_every_row_is_accounted_for(project, quarantine, spoiled, week):
    counts = project.table("quarantine/intake").set_index("event")
    left = (spoiled["dep_time"] != "").sum()
    rows_in = {
        "timetable": len(spoiled) + 2,
        "departure": left + 2,
        "arrival": left + 2,
        "cancellation": len(spoiled) - left + 2,
        "weather": len(week["weather"]) + 1,
        "airport": len(week["airports"]),
        "plane": len(week["planes"]),
        "airline": len(week["airlines"]),
    }

    assert counts["rows_in"].to_dict() == rows_in
    became = counts["kept"] + counts["quarantined"] + counts["duplicates"] + counts["left_out"]
    assert (counts["rows_in"] == became).all()
    assert counts["kept"].to_dict() == {event: len(project.table(f"bronze/{event}")) for event in rows_in}
    in_quarantine = quarantine["event"].value_counts()
    assert counts["quarantined"].to_dict() == {event: in_quarantine.get(event, 0) for event in rows_in}


def test_too_many_bad_rows_stop_the_run_before_bronze(week, new_project, versions):
    flights = week["flights"].copy()
    flights.loc[:60, "arr_delay"] = "garbage"
    project = new_project(week | {"flights": flights})

    with pytest.raises(PodiumError) as stopped:
        project.run("feature_engineering", as_of="2013-01-05")

    message = str(stopped.value)
    left = (flights["dep_time"] != "").sum()
    assert (
        f"flights: too many bad rows: arrival {61 / left:.1%} (61 of {left}, in flights.csv); "
        "at most 5.0% is allowed" in message
    )
    assert "flights.ingestion.max_quarantined_share" in message
    assert "flights.quarantine_rows" in message
    assert set(versions(project.lake)) == {"quarantine/rows"}
    assert (project.table("quarantine/rows")["event"] == "arrival").sum() == 61

    project.run("feature_engineering", as_of="2013-01-05", flights__ingestion__max_quarantined_share=0.2)
    assert len(project.table("bronze/arrival")) == left - 61


def test_a_stopped_run_leaves_bronze_and_features_as_they_were(week, new_project, write_source, versions):
    project = new_project(week)
    project.run("feature_engineering", as_of="2013-01-05")
    before = versions(project.lake)
    write_source({"flights": week["flights"].assign(origin="XXX")}, project.source)

    with pytest.raises(PodiumError, match=r"too many bad rows: .*timetable 100.0%"):
        project.run("feature_engineering", as_of="2013-01-06")

    after = versions(project.lake)
    assert {name for name in after if after[name] != before[name]} == {"quarantine/rows"}


def test_numbers_are_parsed_to_the_same_bits_beside_unreadable_values():
    """An unreadable value must not change the rounding of the others."""
    import pyarrow as pa

    from podium.pipelines.ingestion.judge import _numbers

    texts = ["27.618719999999996", "0.1", "-1e-3", "+5", ".5", "1012.3", None, *map(str, range(50))]
    alone = _numbers(pa.chunked_array([texts]))
    beside = _numbers(pa.chunked_array([[*texts, "abc", " 7 ", "1_000", "0x10", "nan", "inf", "1,5", ""]]))

    assert alone.tolist()[:6] == [27.618719999999996, 0.1, -1e-3, 5.0, 0.5, 1012.3]
    assert beside.head(len(texts)).equals(alone)
    assert beside.tail(8).dropna().tolist() == [7.0]


def test_a_check_that_raises_lets_no_row_through(spark):
    """A contract with a bug must reject rows, not accept them."""
    import pandera.pandas as pa

    from podium.pipelines.ingestion import judge

    class Broken(pa.DataFrameModel):
        a: pa.typing.Series[float]

        @pa.dataframe_check(error="never works")
        def never(cls, df):  # noqa: N805
            return df["b"] > 0

    rules = pd.Series([None, "was bad before", None], dtype=object)
    judge._apply(Broken, pd.DataFrame({"a": [1.0, 2.0, 3.0]}), rules)

    assert rules.tolist() == ["cannot be judged: never works", "was bad before", "cannot be judged: never works"]
