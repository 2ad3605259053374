"""Options and output functions that all commands share."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["DEFAULT_ENV", "as_json", "console", "day", "env_option", "examples", "json_option", "typed"]

DEFAULT_ENV = "dev"

env_option: Callable[..., Any] = click.option(
    "--env",
    "-e",
    envvar="KEDRO_ENV",
    default=DEFAULT_ENV,
    show_default=True,
    help="Environment: a folder of conf/.",
)
json_option: Callable[..., Any] = click.option("--json", "wants_json", is_flag=True, help="Print JSON.")

# The line width, in characters, for output to a file or a pipe. A terminal has its own width.
WIDE = 200


def examples(*commands: str) -> str:
    """The examples at the end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


def console() -> Console:
    """A console: colours on a terminal unless NO_COLOR is set, plain text elsewhere."""
    from rich.console import Console

    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=WIDE)


def as_json(value: Any) -> None:
    """Print a value as JSON, with times in ISO 8601."""
    click.echo(json.dumps(value, indent=2, default=lambda other: other.isoformat()))


def day(moment: datetime | str | None) -> str:
    """Format a moment to the minute, or as the date alone if it is midnight. None gives an empty text."""
    if not moment:
        return ""
    when = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return when.strftime("%Y-%m-%d" if when.time() == when.time().min else "%Y-%m-%d %H:%M")


def typed(command: str) -> str:
    """Return a command that the user can type, with the executable's path if the shell would not find it by name."""
    name, _, rest = command.partition(" ")
    own = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    if (found and Path(found) == own) or not own.exists():
        return command
    folder = own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own
    return f"{folder} {rest}"
