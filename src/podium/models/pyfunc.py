"""The script that MLflow runs to load a registered model ("models from code"), so that nothing is unpickled.

Log a model with this file as ``python_model`` and the model's folder as the artifact ``model``.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from numpy.typing import NDArray

from podium.models import load


class Probability(PythonModel):
    """MLflow model that returns the probability of the positive class for each row of a data frame."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model from its folder."""
        self.model = load(Path(context.artifacts["model"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> NDArray[np.float64]:
        """Return one float64 in [0, 1] for each row of ``model_input``."""
        return self.model.score(model_input)


# MLflow runs this script and uses the model that is passed to set_model.
mlflow.models.set_model(Probability())
