"""A process that writes to a table on command: ``python writer.py <path> <mode> <name>``.

Each line of its input holds the keys of one save; a line of its output says that the save is done.
"""

import sys

from podium.lakehouse import engine
from podium.lakehouse.table import DeltaDataset, Rows


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main(path: str, mode: str, name: str) -> None:
    engine.configure(engine.EngineSettings(engine="sail", config={"spark.sql.session.timeZone": "UTC"}))
    spark = engine.session()
    dataset = DeltaDataset(path=path, zone="bronze", mode=mode, keys=["k"], attempts=20)
    say("ready")
    for line in sys.stdin:
        keys = [int(key) for key in line.split()]
        frame = spark.createDataFrame([(key, name) for key in keys], "k int, v string")
        dataset.save(Rows(frame=frame, window=f"k IN ({', '.join(map(str, keys))})"))
        say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
