"""The lakehouse: engines, Delta tables, landed files. The only place that makes Spark sessions."""
