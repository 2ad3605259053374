"""Render a report from a template that extends the common skeleton: header, key figures, sections."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

__all__ = ["number", "render", "share"]

NOTHING = "-"
OWN = Path(__file__).parent / "templates"


def render(template: Path, **values: Any) -> str:
    """Render a template as one self-contained HTML page.

    Args:
        template: a Jinja template that extends ``page.html`` and fills its blocks.
        values: the values of the template. Text is escaped; ``markupsafe.Markup`` (figures) is not.

    Raises:
        jinja2.UndefinedError: the template uses a value that ``values`` lacks.
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
    """Format a number: thousands separators, four significant digits, a dash for None and NaN."""
    if value is None or value != value:  # noqa: PLR0124 - only NaN differs from itself
        return NOTHING
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def share(value: float) -> str:
    """Format a share in percent. A small positive share is shown as < 0.1%, never as 0.0%."""
    return "< 0.1%" if 0 < value < 0.001 else f"{value:.1%}"
