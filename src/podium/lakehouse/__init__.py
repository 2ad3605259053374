"""The lakehouse: engines, Delta tables and landed files. The only package that creates Spark sessions."""
