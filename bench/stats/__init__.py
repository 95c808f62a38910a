"""Statistics of a handful of runs: arrays in, numbers out."""
