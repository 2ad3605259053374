"""The skeleton of a report: a header, figures of fact, sections. Everything from outside is escaped."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

__all__ = ["number", "render", "share"]

NOTHING = "-"
OWN = Path(__file__).parent / "templates"


def render(template: Path, **values: Any) -> str:
    """One self-contained HTML page.

    Args:
        template: a Jinja template that extends ``page.html`` and fills its blocks.
        values: what it shows. Text is escaped; ``markupsafe.Markup`` (figures) is not.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, OWN]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "share": share}
    return environment.get_template(template.name).render(**values)


def number(value: float | None) -> str:
    """A number for people: thousands apart, four digits that count, a dash for nothing."""
    if value is None or value != value:  # noqa: PLR0124 - NaN is what differs from itself
        return NOTHING
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def share(value: float) -> str:
    """A share in percent; what is not zero is not shown as zero."""
    return "< 0.1%" if 0 < value < 0.001 else f"{value:.1%}"
