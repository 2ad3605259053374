"""Figures by name, each compared with its limit; shared by the scripts of this folder."""

import argparse
from collections.abc import Callable, Sequence

Figure = Callable[[], None]


class Figures(dict[str, Figure]):
    """The measurements of a script, by function name."""

    def add(self, func: Figure) -> Figure:
        """Register a measurement by its name."""
        self[func.__name__] = func
        return func

    def run(self, doc: str | None, arguments: Sequence[str] | None = None, *, skipped: Sequence[str] = ()) -> None:
        """Run the measurements named on the command line; by default all except the ``skipped`` ones."""
        parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("figure", nargs="*", choices=[[], *self], help="which (default: all)")
        asked = parser.parse_args(arguments).figure or [name for name in self if name not in skipped]
        for name in asked:
            print(f"# {name}: {self[name].__doc__}", flush=True)
            self[name]()


def report(what: str, value: float, unit: str, limit: float, *, least: bool = False) -> None:
    """Print one line: the figure, its value, its limit, and whether the limit holds."""
    holds = value >= limit if least else value <= limit
    word = "at least" if least else "at most"
    print(f"{'ok  ' if holds else 'MISS'}  {what}: {value:.4g}{_after(unit)} ({word} {limit:g})", flush=True)


def note(what: str, value: float, unit: str) -> None:
    """Print a figure without a limit."""
    print(f"      {what}: {value:.4g}{_after(unit)}", flush=True)


def _after(unit: str) -> str:
    return f" {unit}" if unit else ""
