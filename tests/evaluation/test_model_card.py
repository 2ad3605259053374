"""The model card, as an HTML page and as Markdown: contents, self-containment, escaping."""

import re
from html.parser import HTMLParser

import pytest

from podium.pipelines.evaluation import assessment
from podium.pipelines.evaluation.explain import explain
from podium.pipelines.evaluation.parameters import CardText, EvaluationParams
from podium.reports import figure_to_png
from podium.reports.words import ReportWords

from .conftest import scoring
from .test_assessment import fitted

HOSTILE = "<script>alert('x')</script> | $\\frac{ [a](javascript:b) `c`\n# title"


class Page(HTMLParser):
    """The tags of an HTML page with their attributes, and its text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def write(evaluate, rows):
    model = fitted("lightgbm", rows, ["weather", "own", "dest"], rounds=10)

    def run(rows=rows, title="Flight delay", **other) -> tuple[str, str]:
        params = EvaluationParams(
            resamples=100,
            explain_rows=100,
            words=ReportWords(rows="flights", positive="late", negative="in time"),
            card=CardText(purpose="To plan.", users="Planners.", not_for=("Passengers.",), limits=("Of 2013.",)),
        )
        baseline = scoring("weak", "heuristic")
        found = evaluate(candidate=model, rows=rows, params=params, **other)
        explanation = explain(model, rows, 100, 1)
        champion = other.get("champion")
        figures = assessment.draw(
            model, baseline, rows, evaluation=found, explanation=explanation, params=params, champion=champion
        )
        pictures = {name: figure_to_png(figure) for name, figure in figures.items()}
        return assessment.write_model_card(found, explanation, pictures, params, title=title, owner="flight-operations")

    return run


@pytest.fixture(scope="module")
def card(write):
    return write(champion=scoring("weak", "logistic_regression"))


def test_the_page_has_every_part_of_a_model_card(card):
    text = " ".join(Page(card[0]).text.split())
    for words in ("To plan.", "Planners.", "Passengers.", "Of 2013.", "flight-operations", "lightgbm, 3 features"):
        assert words in text, words
    for words in ("gain_over_baseline", "not_worse_than_champion", "ROC AUC", "Calibration error", "By carrier", "own"):
        assert words in text, words
    assert "Every check passed" in text


def test_the_page_is_self_contained(card):
    tags = Page(card[0]).tags
    images = [attributes["src"] for tag, attributes in tags if tag == "img"]
    assert len(images) == 5
    assert all(source.startswith("data:image/png;base64,") for source in images)
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "object"}
    assert all(attributes["href"].startswith("#") for tag, attributes in tags if tag == "a")
    assert not re.search(r"url\(|@import|https?://", card[0])


def test_every_link_of_the_page_has_a_target(card):
    tags = Page(card[0]).tags
    ids = {attributes.get("id") for _, attributes in tags}
    assert {attributes["href"][1:] for tag, attributes in tags if tag == "a"} <= ids


def test_both_forms_hold_the_same_checks(card):
    page, text = card
    for name in ("unseen", "enough_rows", "auc", "worst_slice"):
        assert f"<code>{name}</code>" in page
        assert f"| {name.replace('_', chr(92) + '_')} |" in text


def test_the_card_shows_a_refusal(write):
    page, text = write(trained_until=None)
    assert "Refused: 1 of 8 checks failed" in Page(page).text
    assert "**Verdict: refused** (1 of 8 checks failed: unseen)." in text
    assert "| **FAIL** | unseen |" in text


def test_hostile_names_in_the_data_are_escaped(write, rows):
    page, text = write(rows=rows.assign(slice_carrier=HOSTILE), title=HOSTILE)
    parsed = Page(page)
    assert "script" not in {tag for tag, _ in parsed.tags}
    assert parsed.text.count("<script>alert('x')</script>") >= 2
    assert "<script" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    row = next(line for line in text.splitlines() if "alert" in line and line.startswith("|"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 8
    assert not any(line.startswith("# title") for line in text.splitlines())


def test_tables_of_the_markdown_have_as_many_cells_in_every_row(card):
    for block in re.findall(r"(?:^\|.*\n)+", card[1], flags=re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(counts) == 1, block
    assert card[1].count("| --- |") >= 5


def test_the_same_evaluation_gives_the_same_card(write):
    assert write() == write()
