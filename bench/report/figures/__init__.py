"""Figures: what several sections draw in one way, and how figures look."""
