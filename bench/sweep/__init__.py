"""Sweeps: from a Command to Runs, their order, and their execution."""
