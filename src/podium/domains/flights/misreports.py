"""First reports that are wrong and are corrected later, for ``podium feed --correct``."""

import numpy as np
import pandas as pd


def arrival(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Report landings up to half an hour too late. Diverted flights stay as they are."""
    landed = rows["arr_delay"].notna() & rows["arr_time"].notna()
    minutes = pd.Series(rng.integers(1, 31, len(rows)), index=rows.index)[landed]
    clock = rows.loc[landed, "arr_time"].astype(int)
    of_day = (clock // 100 * 60 + clock % 100 + minutes) % 1440
    rows.loc[landed, "arr_time"] = (of_day // 60 * 100 + of_day % 60).replace(0, 2400).astype(str)
    rows.loc[landed, "arr_delay"] = (rows.loc[landed, "arr_delay"].astype(float).astype(int) + minutes).astype(str)
    return rows


def weather(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Report temperatures a few degrees too high or too low."""
    measured = rows["temp"].notna()
    off = pd.Series(rng.integers(-3, 4, len(rows)), index=rows.index)[measured]
    rows.loc[measured, "temp"] = (rows.loc[measured, "temp"].astype(float) + off).round(2).astype(str)
    return rows
