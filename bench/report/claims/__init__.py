"""Claims put to the runs: which runs speak for one, what is compared, and the verdict."""
