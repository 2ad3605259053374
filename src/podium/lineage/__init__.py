"""What made what: recorded by every run in OpenLineage's form, read back as a tree, and enough to train again."""
