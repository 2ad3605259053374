"""Podium: a Kedro project that takes a model from raw data to monitoring, on a lakehouse of Delta tables."""

import os

# Let idle OpenMP threads sleep. By default they spin, so two processes that train on one machine starve each other:
# fitting a model then took minutes instead of seconds. OpenMP reads the variable only once, when its library is loaded,
# so set the variable here, before other imports. A value that the user has set is kept.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Hide MLflow's progress bars: artifacts are copied on the local disk, so there is nothing to wait for.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# Hide MLflow's info messages, such as the one about the creation of its database. Its warnings are still shown.
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
