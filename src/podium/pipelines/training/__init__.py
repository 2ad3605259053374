"""Training: choose an algorithm and its hyperparameters, fit the candidate, fit the baseline it has to beat."""
