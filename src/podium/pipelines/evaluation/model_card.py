"""The model card: purpose, users, performance overall and by slice, and limits of a model.

After Mitchell et al., "Model Cards for Model Reporting", FAT* 2019. HTML and Markdown have the same content. Neither
holds wall-clock time, so the same evaluation gives the same card. Both escape names that come from the data.
"""

from __future__ import annotations

import html as html_text
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from podium.models.metrics import METRICS
from podium.reports import data_uri

from .explain import Explanation
from .parameters import EvaluationParams
from .records import Estimate, Evaluation

__all__ = ["Card", "html", "markdown"]

MOST_FEATURES = 15


@dataclass(frozen=True)
class Card:
    """The contents of a model card."""

    title: str
    owner: str
    evaluation: Evaluation
    explanation: Explanation
    params: EvaluationParams


def html(card: Card, pictures: Mapping[str, bytes]) -> str:
    """Return the card as a self-contained HTML page, with styles and pictures (PNG) inside."""
    images = {name: data_uri(png) for name, png in pictures.items()}
    return _environment().get_template("model_card.html").render(**_context(card), images=images)


def markdown(card: Card) -> str:
    """Return the card as Markdown, without pictures."""
    return _environment().get_template("model_card.md").render(**_context(card))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("podium.pipelines.evaluation"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(md=_md, estimate=_estimate, gain=_gain, figure=_figure)
    return environment


def _context(card: Card) -> dict[str, object]:
    explained = list(zip(card.explanation.names, card.explanation.importance.tolist(), strict=True))
    return {
        "card": card,
        "found": card.evaluation,
        "window": card.evaluation.window,
        "words": card.params.words,
        "text": card.params.card,
        "metrics": METRICS,
        "slices": _by_name(card.evaluation),
        "explained": explained[:MOST_FEATURES],
        "failed": [check for check in card.evaluation.checks if not check.passed],
        "unmeasured": [part for part in card.evaluation.slices if part.auc is None],
    }


def _by_name(found: Evaluation) -> dict[str, list[object]]:
    names: dict[str, list[object]] = {}
    for part in found.slices:
        names.setdefault(part.slice, []).append(part)
    return names


def _md(text: object) -> str:
    """Escape text for Markdown, and for HTML within it."""
    flat = html_text.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", flat)


def _figure(value: float | None, digits: int = 3) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1 and value == int(value) else f"{value:.{digits}f}"


def _estimate(estimate: Estimate) -> str:
    span = "" if estimate.low is None else f" ({_figure(estimate.low)} to {_figure(estimate.high)})"
    return f"{_figure(estimate.value)}{span}"


def _gain(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return _estimate(estimate)
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"
