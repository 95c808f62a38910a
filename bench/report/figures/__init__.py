"""Figures: chart types shared by several sections, and the style of all figures."""
