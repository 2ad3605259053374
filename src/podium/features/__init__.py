"""Feature tables: point-in-time joins, request features, examples for training and inference."""
