"""Exploration: what the bronze tables hold at ``as_of``, as a table and as one HTML page with pictures."""
