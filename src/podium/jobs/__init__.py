"""Jobs: which pipelines run together, in which order and when; on Databricks, or on this machine."""
