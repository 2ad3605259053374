"""Jobs: lists of pipelines with an order and a schedule, which run on this machine or on Databricks."""
