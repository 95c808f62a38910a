"""Sweeps: from a Command to Runs, their order, who carries them out, and what comes of it."""
