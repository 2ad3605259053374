"""A process that writes to a table on command: ``python writer.py <path> <mode> <name>``, a line on stdin for each save.

Each line holds the keys to write; a line of the answer says that the save is done.
"""

import sys

from podium.lakehouse import engine
from podium.lakehouse.table import DeltaDataset, Rows


def main(path: str, mode: str, name: str) -> None:
    engine.configure(engine.EngineSettings(engine="sail", config={"spark.sql.session.timeZone": "UTC"}))
    spark = engine.session()
    dataset = DeltaDataset(path=path, zone="bronze", mode=mode, keys=["k"], attempts=20)
    print("ready", flush=True)
    for line in sys.stdin:
        keys = [int(key) for key in line.split()]
        frame = spark.createDataFrame([(key, name) for key in keys], "k int, v string")
        dataset.save(Rows(frame=frame, window=f"k IN ({', '.join(map(str, keys))})"))
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
