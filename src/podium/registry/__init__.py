"""Candidates, evidence, versions and aliases in MLflow. Apart from kedro-mlflow, only this package calls MLflow."""
