"""Join requests with feature tables as of the time of each request, and compute request features."""
