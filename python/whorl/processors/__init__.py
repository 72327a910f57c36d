"""What works on values after they were loaded: a base for one's own, and ``timeseries``."""
