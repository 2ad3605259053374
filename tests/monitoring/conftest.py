"""A reference and frames of synthetic predictions for the tests of monitoring."""

from dataclasses import dataclass

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from podium.pipelines.monitoring.parameters import MonitoringParams
from podium.pipelines.monitoring.reference import Reference, profile
from podium.reports.words import ReportWords

from .worlds import CATEGORICAL, COLUMNS, FEATURES, KEYS, world

METRICS = {"auc": 0.75, "calibration_error": 0.01, "log_loss": 0.55}


@pytest.fixture(scope="session")
def params() -> MonitoringParams:
    return MonitoringParams(words=ReportWords(rows="parcels", positive="lost"))


@dataclass
class Frames:
    session: SparkSession

    def __call__(self, rows: pd.DataFrame, *names: str) -> DataFrame:
        frame = self.session.createDataFrame(rows, COLUMNS)
        return frame.select(*names) if names else frame

    def labels(self, rows: pd.DataFrame) -> DataFrame:
        return self(rows, *KEYS, "label", "label_available_at")


@pytest.fixture(scope="session")
def frames(spark: SparkSession) -> Frames:
    return Frames(spark)


@pytest.fixture(scope="session")
def trained() -> pd.DataFrame:
    return world(20_000, "2013-01-01", "2013-08-01", seed=1)


@pytest.fixture(scope="session")
def reference(frames: Frames, trained: pd.DataFrame, params: MonitoringParams) -> Reference:
    return profile(
        frames(trained),
        frames(world(8_000, "2013-07-01", "2013-08-01", seed=2)),
        model_version="1",
        metrics=METRICS,
        keys=KEYS,
        features=FEATURES,
        categorical=CATEGORICAL,
        params=params,
    )
