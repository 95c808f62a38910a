"""Fixtures for the tests of tasks: a cache folder of their own, and no data folder but the one they make."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder that is empty at first; the user's own data and cache are out of sight."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GATEBENCH_CACHE", str(folder))
    monkeypatch.delenv("BENCH_DATA", raising=False)
    return folder


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data folder, which is the working directory too."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
