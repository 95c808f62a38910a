"""A data set of the hub, from a server on this machine that answers as the hub does."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from bench.core.errors import DataError
from bench.tasks.sources import SourceState, ensure, read_text, state
from tests.tasks.material import text
from tests.tasks.servers import hub

REVISION = "b08601e04326c79dfdd32d625aee71d232d685c3"
README = """---
configs:
- config_name: small
  data_files:
  - {split: test, path: small/test-*}
  - {split: train, path: small/train-*}
  - {split: validation, path: small/validation-*}
---
"""
SOURCE = {"kind": "hub", "id": "owner/lines", "config": "small", "revision": REVISION, "bytes": 7_400_000}

CODE = """
import sys
from bench.tasks.sources import ensure
from tests.tasks.test_hub import SOURCE
from tests.tasks.material import text
ensure(text(**SOURCE), None, announce=print)
"""


def parquet(rows) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": rows}), buffer)
    return buffer.getvalue()


def files() -> dict[str, bytes]:
    rows = {"train": ["", " = A = \n", "", " b c \n"], "validation": [" v \n"], "test": [" t \n"]}
    return {"README.md": README.encode(), **{f"small/{s}-0.parquet": parquet(r) for s, r in rows.items()}}


def fetch(address, cache) -> subprocess.CompletedProcess:
    """Fetch in a process of its own: the hub's client reads its address when it is imported."""
    environment = {**os.environ, "HF_ENDPOINT": address, "GATEBENCH_CACHE": str(cache)}
    environment = {name: value for name, value in environment.items() if name not in ("HF_HOME", "HF_HUB_OFFLINE")}
    return subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, encoding="utf-8", timeout=600
    )


def test_a_data_set_is_fetched_once_and_rows_keep_their_own_newlines(data, cache):
    spec = text(**SOURCE)
    assert state(spec, None) == SourceState("to fetch", "to fetch: 7.4 MB from huggingface.co")
    with hub("owner/lines", REVISION, files()) as server:
        done = fetch(server.address, cache)
    assert done.returncode == 0, done.stderr
    assert f"from https://huggingface.co/datasets/owner/lines at revision {REVISION}" in done.stdout
    ensure(spec, None, announce=lambda message: pytest.fail(message))
    assert state(spec, None) == SourceState("cached", "cached")
    found = [read_text(spec, split, None) for split in ("train", "validation", "test")]
    assert found == ["\n = A = \n\n b c \n", " v \n", " t \n"]


def test_a_data_set_without_a_split_is_refused(data, cache):
    content = {name: body for name, body in files().items() if "validation" not in name}
    content["README.md"] = README.replace("  - {split: validation, path: small/validation-*}\n", "").encode()
    with hub("owner/lines", REVISION, content) as server:
        done = fetch(server.address, cache)
    assert done.returncode == 1
    assert "has no split validation" in done.stderr


def test_a_folder_that_the_hubs_client_would_take_for_the_data_set_is_an_error(data):
    (data / "owner" / "lines").mkdir(parents=True)
    with pytest.raises(DataError, match="a folder owner/lines here would be taken for it; start elsewhere"):
        ensure(text(**SOURCE), None, announce=lambda message: None)
