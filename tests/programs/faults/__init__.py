"""Programs that do to a running product what machines and people do to it, and say what became of the results."""
