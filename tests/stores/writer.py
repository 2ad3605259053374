"""A process with an engine of its own that writes to tables on command.

Its argument is the engine's settings. Each line of its input is a save: the table's path, the mode, what to write, and
the keys. A line of its output says that the save is done.
"""

import sys

from podium.lakehouse import engine
from podium.lakehouse.table import DeltaDataset, Rows


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def save(path: str, mode: str, value: str, keys: list[str]) -> None:
    frame = engine.session().createDataFrame([(int(key), value) for key in keys], "k int, v string")
    dataset = DeltaDataset(path=path, zone="bronze", mode=mode, keys=["k"], attempts=20)
    dataset.save(Rows(frame=frame, window=f"k IN ({', '.join(keys)})"))


def main() -> None:
    engine.configure(engine.EngineSettings.model_validate_json(sys.argv[1]))
    engine.session().range(1).collect()
    say("ready")
    for line in sys.stdin:
        path, mode, value, *keys = line.split()
        save(path, mode, value, keys)
        say("done")


if __name__ == "__main__":
    main()
