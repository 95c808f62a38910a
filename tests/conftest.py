"""Shared fixtures: small tasks held in memory, so that most tests read no file."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from tests.toys import music_task, text_task


def pytest_collection_finish():
    """Leave what imports have made out of garbage collection, which takes a seventh of the time otherwise."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def music():
    """A small piano-roll task."""
    return music_task()


@pytest.fixture
def text():
    """A small character task."""
    return text_task()
