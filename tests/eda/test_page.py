"""The EDA page: reproducible, self-contained, safe against hostile text, and complete even without data."""

import copy
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pandas as pd
import pytest

from podium.domains.base import Picture
from podium.domains.flights import DOMAIN
from podium.domains.flights.pictures import PICTURES
from podium.pipelines.eda import nodes

from .conftest import AS_OF

FLIGHTS = replace(DOMAIN, pictures=PICTURES)
HOSTILE = "<script>alert('x')</script></svg> & $\\frac$ {{ 7 * 7 }}"


def make(frames, as_of=AS_OF, domain=FLIGHTS) -> str:
    profile, _ = nodes.profile(as_of, *frames.values(), domain=domain)
    pictures = nodes.draw(as_of, *frames.values(), domain=domain)
    return nodes.page(as_of, profile, pictures, domain=domain)


class Parsed(HTMLParser):
    """The tags, addresses and ids of an HTML page."""

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


def test_the_page_does_not_depend_on_the_order_of_rows(page, bronze, to_frames):
    shuffled = {name: rows.sample(frac=1, random_state=7) for name, rows in bronze.items()}
    assert make(to_frames(shuffled)) == page


def test_rows_known_after_as_of_do_not_change_the_page(frames, bronze, to_frames):
    early = datetime(2013, 1, 4, tzinfo=UTC)
    other = {}
    for name, rows in bronze.items():
        later = rows["available_at"] > early
        changed = rows[later].assign(**({"arr_delay": 999} if name == "arrival" else {}))
        other[name] = pd.concat([rows[~later], changed, changed.assign(available_at=AS_OF)])
    assert make(to_frames(other), early) == make(frames, early)


def test_the_page_shows_every_picture_and_every_table(page):
    for picture in PICTURES:
        assert f"<h3>{picture.title}</h3>" in page
    assert Parsed(page).tags.count("svg") == len(PICTURES) + 1
    for event in FLIGHTS.events:
        assert f'id="table-{event.name}"' in page


def test_the_page_is_self_contained(page):
    parsed = Parsed(page)
    outside = [address for address in parsed.addresses if not address.startswith(("#", "data:image/png;base64,"))]
    assert outside == []
    assert {address[1:] for address in parsed.addresses if address.startswith("#")} <= set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert not {"script", "link", "iframe", "object"} & set(parsed.tags)
    assert not re.search(r"@import|url\((?!#)", page)


def test_hostile_text_in_the_data_is_escaped(bronze, to_frames):
    tables = dict(bronze)
    for name in ("timetable", "departure", "arrival", "cancellation", "airline"):
        rows = bronze[name]
        tables[name] = rows.assign(carrier=rows["carrier"].replace({"UA": HOSTILE}))
    tables["airline"] = tables["airline"].replace({"name": {"United Air Lines Inc.": HOSTILE[:28]}})
    page = make(to_frames(tables), domain=replace(FLIGHTS, title=HOSTILE, owner=HOSTILE))
    assert "script" not in Parsed(page).tags
    assert "&lt;script&gt;" in page
    assert Parsed(page).tags.count("svg") == len(PICTURES) + 1
    assert "49" not in re.findall(r"<title>(.*)</title>", page)[0]


def test_empty_tables_give_a_page_without_pictures(to_frames, bronze):
    page = make(to_frames({name: rows.head(0) for name, rows in bronze.items()}))
    assert page.count("Nothing is known yet") == len(PICTURES)
    assert "No table has rows yet." in page
    assert "<svg" not in page


def test_the_page_works_before_the_first_flight(frames):
    page = make(frames, datetime(2012, 1, 1, tzinfo=UTC))
    assert "No flight&#39;s outcome is known." in page
    assert "plane.speed" in page


@pytest.mark.parametrize("event", ["arrival", "cancellation"])
def test_the_page_works_with_one_flight(event, bronze, to_frames):
    one = bronze[event].head(1)
    others = {name: bronze[name].head(0) for name in ("arrival", "cancellation", "departure")}
    page = make(to_frames({**bronze, **others, event: one}))
    assert "of 1 flights were late" in page


def test_the_page_works_without_pictures(frames):
    page = make(frames, domain=replace(FLIGHTS, pictures=()))
    assert "Missing values by column" in page


def test_pictures_pass_through_the_catalog_unchanged(frames):
    def dots(figure, rows):
        figure.subplots().plot(rows["n"])

    count = Picture(title="t", question="q", draw=dots, finding=lambda rows: f"{rows['n'][0]}",
                    table=lambda tables: tables["airline"].selectExpr("count(*) as n"))  # fmt: skip
    drawn = nodes.draw(AS_OF, *frames.values(), domain=replace(FLIGHTS, pictures=(count,)))
    assert drawn[0].finding == "16"
    assert copy.deepcopy(drawn) == drawn
