"""Figures by name, each held against its limit: what the scripts of this folder share."""

import argparse
from collections.abc import Callable, Sequence

Figure = Callable[[], None]


class Figures(dict[str, Figure]):
    """The measurements of a script, by the name of their function."""

    def add(self, func: Figure) -> Figure:
        """Make a measurement available by its name."""
        self[func.__name__] = func
        return func

    def run(self, doc: str | None, arguments: Sequence[str] | None = None, *, skipped: Sequence[str] = ()) -> None:
        """Measure what the command line asks for: all, but those that are ``skipped`` only when they are named."""
        parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("figure", nargs="*", choices=[[], *self], help="which (default: all)")
        asked = parser.parse_args(arguments).figure or [name for name in self if name not in skipped]
        for name in asked:
            print(f"# {name}: {self[name].__doc__}", flush=True)
            self[name]()


def report(what: str, value: float, unit: str, limit: float, *, least: bool = False) -> None:
    """One line: what, measured, limit, and whether it holds."""
    holds = value >= limit if least else value <= limit
    word = "at least" if least else "at most"
    print(f"{'ok  ' if holds else 'MISS'}  {what}: {value:.4g}{_after(unit)} ({word} {limit:g})", flush=True)


def note(what: str, value: float, unit: str) -> None:
    """A figure that has no limit."""
    print(f"      {what}: {value:.4g}{_after(unit)}", flush=True)


def _after(unit: str) -> str:
    return f" {unit}" if unit else ""
