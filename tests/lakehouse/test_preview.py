"""kedro-viz previews of tables and pages need no engine, and give a reason if there is nothing to show."""

import base64
import re

import pytest

from podium.lakehouse import engine
from podium.lakehouse.files import PageDataset
from podium.lakehouse.table import DeltaDataset
from podium.lakehouse.table_preview import pictures
from podium.reports import data_uri, drawing, figure_to_png, figure_to_svg

LONG = "x" * 500


@pytest.fixture
def filled(table, rows) -> DeltaDataset:
    """A table at its newest version, whose version before it has other rows."""
    dataset = table("overwrite")
    dataset.save(rows((9, "old")))
    dataset.save(rows((1, "a_b"), (None, LONG), (3, None)))
    return dataset


@pytest.fixture(autouse=True)
def no_engine(request, monkeypatch):
    """Fail any test that starts an engine after the tables are written."""
    if "filled" in request.fixturenames:
        request.getfixturevalue("filled")
    monkeypatch.setattr(engine, "session", lambda: pytest.fail("a preview needs no engine"))


def test_a_preview_shows_version_columns_and_rows(filled, stored):
    preview = filled.preview()

    assert preview["columns"] == [f"version {filled.delta().version()}", "k: int", "v: string"]
    assert preview["index"] == [0, 1, 2]
    shown = [(k and int(k), v) for _, k, v in preview["data"]]
    assert [number for number, *_ in preview["data"]] == ["1", "2", "3"]
    cut = [(k, v[:119] + "…" if v == LONG else v) for k, v in stored()]
    assert sorted(shown, key=str) == sorted(cut, key=str)


def test_a_preview_has_at_most_nrows_rows(filled):
    assert len(filled.preview(nrows=2)["data"]) == 2


def test_a_preview_can_show_an_older_version(filled, table):
    preview = table("overwrite", version=1).preview()

    assert preview["columns"][0] == "version 1"
    assert preview["data"] == [["1", "9", "old"]]


def reason(preview) -> str:
    assert preview["columns"] == ["no preview"]
    [[text]] = preview["data"]
    return text


def test_the_preview_of_a_missing_table_says_so(table):
    assert "The table does not exist yet" in reason(table().preview())


def test_the_preview_of_an_unreadable_log_has_a_reason(filled, tmp_path):
    for commit in (tmp_path / "table" / "_delta_log").glob("*.json"):
        commit.write_text("{")

    assert reason(filled.preview())


def test_the_preview_of_a_unity_catalog_table_says_that_it_needs_an_engine():
    assert "Unity Catalog" in reason(DeltaDataset(path="uc://main/p/bronze/t", zone="bronze").preview())


@pytest.fixture
def page(tmp_path) -> PageDataset:
    return PageDataset(filepath=str(tmp_path / "page.html"), zone="monitoring")


def test_the_pictures_of_a_page_keep_their_underscores_and_colours(page):
    with drawing(4, 3) as figure:
        figure.add_subplot().set_title("wind_gust and wind_speed")
        svg, png = figure_to_svg(figure, label="Wind < storm"), data_uri(figure_to_png(figure))
    theme = ":root { --ink: #123456; }"
    page.save(f'<style>{theme}</style><script>x</script>{svg}<p>text</p><img src="{png}" alt="ROC curves">')

    shown = page.preview()

    assert re.findall("<h3>(.*?)</h3>", shown) == ["Wind &lt; storm", "ROC curves"]
    assert "script" not in shown
    assert f'src="{png}"' in shown
    [drawn] = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', shown)
    drawn = base64.b64decode(drawn).decode()
    assert "wind_gust and wind_speed" in drawn
    assert f"<style>{theme}" in drawn
    # kedro-viz interprets these characters as Markdown.
    assert not set("_*`|") & set(shown.replace(png, ""))


def test_the_preview_of_a_page_without_pictures_or_a_missing_page_says_so(page):
    assert "page does not exist yet" in page.preview()
    page.save("<p>words</p>")
    assert pictures("<p>words</p>") == page.preview() == "<p>This page has no pictures.</p>"
