"""Models in MLflow: candidates, evidence, versions, aliases. Apart from kedro-mlflow, only this speaks to MLflow."""
