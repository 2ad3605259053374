"""Lineage: record what each node of a run reads and writes, show it as a tree, and train a version again from it."""
