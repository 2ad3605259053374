"""Jobs: pipelines that run together, in an order and on a schedule, on Databricks or on this machine."""
