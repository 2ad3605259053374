"""A process with an engine of its own that writes to tables on command.

It is started with the engine's settings as JSON. Each line of its input is a save: the table's path, the mode, what to
write, and the keys. A line of its output says that the save is done.
"""

import sys

from podium.lakehouse import engine
from podium.lakehouse.table import DeltaDataset, Rows


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    engine.configure(engine.EngineSettings.model_validate_json(sys.argv[1]))
    spark = engine.session()
    say("ready")
    for line in sys.stdin:
        path, mode, value, *keys = line.split()
        frame = spark.createDataFrame([(int(key), value) for key in keys], "k int, v string")
        dataset = DeltaDataset(path=path, zone="bronze", mode=mode, keys=["k"], attempts=20)
        dataset.save(Rows(frame=frame, window=f"k IN ({', '.join(keys)})"))
        say("done")


if __name__ == "__main__":
    main()
