"""Fixtures for the tests of tasks: a cache folder of their own, and no data folder but the one they make."""

from __future__ import annotations

import os

import pytest

from bench.tasks import packaged


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


@pytest.fixture(scope="session")
def converted(tmp_path_factory):
    """A cache folder that holds the converted chorales of music21; made once, since it takes half a minute.

    Where several processes test it is the folder of them all: the first converts, and the cache's lock has others wait.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "converted"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEBENCH_CACHE", str(folder))
        packaged.prepare_chorales()
    return folder


@pytest.fixture
def chorale_cache(converted, monkeypatch):
    """Make the folder of converted chorales the cache folder."""
    monkeypatch.setenv("GATEBENCH_CACHE", str(converted))
    return converted
