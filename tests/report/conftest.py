"""Figures of tests are drawn coarsely: what is looked at is whether they can be drawn, and what they say."""

from __future__ import annotations

import pytest

from bench.report.figures import style

COARSE = 50
"""Dots per inch."""


@pytest.fixture(autouse=True)
def _coarse(monkeypatch):
    monkeypatch.setattr(style, "DOTS_PER_INCH", COARSE)
