"""Evaluation of a candidate on rows later than all it was trained on, with a verdict and a model card."""
