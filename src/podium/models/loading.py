"""Loads a fitted model from its folder."""

import json
from dataclasses import fields
from pathlib import Path

from podium.errors import did_you_mean

from .algorithms import MODELS
from .columns import ModelError
from .model import MAIN_FILE, Model

__all__ = ["load"]


def load(folder: Path) -> Model:
    """Load the model that was saved to ``folder``.

    Raises:
        ModelError: the folder holds no complete model, or an algorithm that this version of Podium does not know.
    """
    main = folder / MAIN_FILE
    if not main.is_file():
        raise ModelError(f"{folder} holds no model: {MAIN_FILE} is missing. Name the folder that a model was saved to.")
    held = json.loads(main.read_bytes())
    algorithm = held.pop("algorithm", None)
    if algorithm not in MODELS:
        raise ModelError(
            f"{main}: unknown algorithm {algorithm!r}{did_you_mean(str(algorithm), MODELS)}. "
            f"This version of Podium can load: {', '.join(MODELS)}."
        )
    kind = MODELS[algorithm]
    files = {f.name: folder / f.metadata["file"] for f in fields(kind) if "file" in f.metadata}
    absent = [str(path) for path in files.values() if not path.is_file()]
    if absent:
        raise ModelError(f"{folder} holds an incomplete model. Save the model again. Missing: {', '.join(absent)}.")
    held |= {name: path.read_bytes().decode() for name, path in files.items()}
    held["features"] = tuple(held["features"])
    held["categorical"] = {name: tuple(levels) for name, levels in held["categorical"].items()}
    return kind(**held)
