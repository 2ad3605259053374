"""The page: the same each time, by itself, safe, and there even when nothing is known."""

import copy
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pandas as pd
import pytest

from podium.pipelines.eda import nodes
from podium.problems.base import Picture
from podium.problems.flight_delay import PROBLEM
from podium.problems.flight_delay.pictures import PICTURES

from .conftest import AS_OF

FLIGHTS = replace(PROBLEM, pictures=PICTURES)
HOSTILE = "<script>alert('x')</script></svg> & $\\frac$ {{ 7 * 7 }}"


def make(frames, as_of=AS_OF, problem=FLIGHTS) -> str:
    profile, _ = nodes.profile(as_of, *frames.values(), problem=problem)
    pictures = nodes.draw(as_of, *frames.values(), problem=problem)
    return nodes.page(as_of, profile, pictures, problem=problem)


class Parsed(HTMLParser):
    """Tags, addresses and ids of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in {"src", "href", "xlink:href", "action", "data"} and v]
        self.ids += [v for k, v in attrs if k == "id"]


@pytest.fixture(scope="module")
def page(frames) -> str:
    return make(frames)


def test_the_same_data_in_any_order_give_the_same_bytes(page, bronze, to_frames):
    shuffled = {name: rows.sample(frac=1, random_state=7) for name, rows in bronze.items()}
    assert make(to_frames(shuffled)) == page


def test_another_future_changes_nothing(frames, bronze, to_frames):
    early = datetime(2013, 1, 4, tzinfo=UTC)
    other = {}
    for name, rows in bronze.items():
        later = rows["available_at"] > early
        changed = rows[later].assign(**({"arr_delay": 999} if name == "arrival" else {}))
        other[name] = pd.concat([rows[~later], changed, changed.assign(available_at=AS_OF)])
    assert make(to_frames(other), early) == make(frames, early)


def test_it_shows_every_picture_and_every_table(page):
    for picture in PICTURES:
        assert f"<h3>{picture.title}</h3>" in page
    assert Parsed(page).tags.count("svg") == len(PICTURES) + 1
    for event in FLIGHTS.events:
        assert f'id="table-{event.name}"' in page


def test_it_needs_nothing_from_outside(page):
    parsed = Parsed(page)
    outside = [address for address in parsed.addresses if not address.startswith(("#", "data:image/png;base64,"))]
    assert outside == []
    assert {address[1:] for address in parsed.addresses if address.startswith("#")} <= set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert not {"script", "link", "iframe", "object"} & set(parsed.tags)
    assert not re.search(r"@import|url\((?!#)", page)


def test_text_from_the_data_is_only_text(bronze, to_frames):
    tables = dict(bronze)
    for name in ("timetable", "departure", "arrival", "cancellation", "airline"):
        rows = bronze[name]
        tables[name] = rows.assign(carrier=rows["carrier"].replace({"UA": HOSTILE}))
    tables["airline"] = tables["airline"].replace({"name": {"United Air Lines Inc.": HOSTILE[:28]}})
    page = make(to_frames(tables), problem=replace(FLIGHTS, title=HOSTILE, owner=HOSTILE))
    assert "script" not in Parsed(page).tags
    assert "&lt;script&gt;" in page
    assert Parsed(page).tags.count("svg") == len(PICTURES) + 1
    assert "49" not in re.findall(r"<title>(.*)</title>", page)[0]


def test_without_rows_there_is_a_page(to_frames, bronze):
    page = make(to_frames({name: rows.head(0) for name, rows in bronze.items()}))
    assert page.count("Nothing is known yet") == len(PICTURES)
    assert "No table has rows yet." in page
    assert "<svg" not in page


def test_before_the_first_flight_the_airports_are_known(frames):
    page = make(frames, datetime(2012, 1, 1, tzinfo=UTC))
    assert "No flight&#39;s outcome is known." in page
    assert "plane.speed" in page


@pytest.mark.parametrize("event", ["arrival", "cancellation"])
def test_one_flight_is_enough(event, bronze, to_frames):
    one = bronze[event].head(1)
    others = {name: bronze[name].head(0) for name in ("arrival", "cancellation", "departure")}
    page = make(to_frames({**bronze, **others, event: one}))
    assert "of 1 flights were late" in page


def test_a_problem_without_pictures_has_a_page_too(frames):
    page = make(frames, problem=replace(FLIGHTS, pictures=()))
    assert "Missing values by column" in page


def test_pictures_pass_through_the_catalog_unchanged(frames):
    def dots(figure, rows):
        figure.subplots().plot(rows["n"])

    count = Picture(title="t", question="q", draw=dots, finding=lambda rows: f"{rows['n'][0]}",
                    table=lambda tables: tables["airline"].selectExpr("count(*) as n"))  # fmt: skip
    drawn = nodes.draw(AS_OF, *frames.values(), problem=replace(FLIGHTS, pictures=(count,)))
    assert drawn[0].finding == "16"
    assert copy.deepcopy(drawn) == drawn
