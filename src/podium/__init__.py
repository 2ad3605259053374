"""Podium: one model's whole life, governed on a lakehouse, as a Kedro project."""

import os

# OpenMP threads that wait by spinning starve each other when two processes train on one machine: a fit that takes
# seconds took minutes. Set before the first library loads OpenMP; whoever sets it otherwise is obeyed.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Progress bars of downloads from a folder next door tell nobody anything.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
