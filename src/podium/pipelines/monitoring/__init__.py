"""Monitoring: how the months differ from what a model was trained on, and how well it did."""
