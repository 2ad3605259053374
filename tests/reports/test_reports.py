"""Shared parts of reports: reproducible figures, escaped pages, and formatted numbers."""

from xml.etree import ElementTree as ET

import jinja2
import matplotlib as mpl
import pytest

from podium.reports import drawing, figure_to_png, figure_to_svg, render
from podium.reports.page import number, share


def picture(convert, text="a $ sign"):
    with drawing(4, 3) as figure:
        axes = figure.subplots()
        axes.scatter([1, 2], [3, 4], c=[0, 1])
        axes.set_title(text)
        return convert(figure)


def test_svg_is_reproducible_and_uses_the_colours_of_the_page():
    first, second = (picture(lambda figure: figure_to_svg(figure, label="late & early")) for _ in range(2))
    assert first == second
    assert first.startswith("<svg")
    assert 'aria-label="late &amp; early"' in first
    assert "var(--ink)" in first
    assert "a $ sign" in first
    ET.fromstring(first)


def test_ids_of_two_figures_do_not_collide():
    pages = [picture(lambda figure, label=label: figure_to_svg(figure, label=label)) for label in "ab"]
    ids = [{e.get("id") for e in ET.fromstring(page).iter() if e.get("id")} for page in pages]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_png_is_reproducible():
    first, second = (picture(figure_to_png) for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG")


def test_the_style_is_restored_after_the_context():
    before = dict(mpl.rcParams)
    picture(figure_to_png)
    assert dict(mpl.rcParams) == before


def test_template_values_are_escaped_and_required(tmp_path):
    template = tmp_path / "t.html"
    template.write_text('{% extends "page.html" %}{% block title %}{{ name }}{% endblock %}')
    assert "<title>&lt;b&gt;</title>" in render(template, name="<b>")
    with pytest.raises(jinja2.UndefinedError, match="name"):
        render(template)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (float("nan"), "-"), (0, "0"), (1234567, "1,234,567"), (1039.91, "1,039.9"), (0.0044691, "0.004469"),
     (-12.345, "-12.35"), (float("inf"), "inf")],
)  # fmt: skip
def test_number_formats_a_value(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0.0%"), (0.0001, "< 0.1%"), (0.7956, "79.6%"), (1, "100.0%")])
def test_share_formats_a_percentage(value, text):
    assert share(value) == text
