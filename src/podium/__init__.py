"""Podium: one model's whole life, governed on a lakehouse, as a Kedro project."""

import os

# By default, idle OpenMP threads spin. If two processes train on one machine, their threads starve each other: a fit of
# seconds took minutes. OpenMP reads this variable when the first library loads it. A value that the user set stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Hide MLflow's progress bars: artifacts are copied on the local disk, so there is nothing to wait for.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# Hide what MLflow says about its own work, such as the creation of its database. Warnings are shown.
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
