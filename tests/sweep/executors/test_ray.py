"""Tasks through Ray: the bits of `local`, on one machine and on a cluster of two nodes of which one is killed."""

from __future__ import annotations

import signal
import warnings
from pathlib import Path

import pytest

from tests.sweep.executors.sweeps import (
    PATIENT,
    SWEEP,
    bench,
    checkpoints,
    environment,
    outcomes,
    said,
    wait_for,
    worker_of,
)

pytest.importorskip("ray")

BYTES = 100 << 20


@pytest.fixture
def cluster(monkeypatch):
    """Two nodes, each a raylet of its own with one core; what they start finds this package."""
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    with warnings.catch_warnings(action="ignore"):
        from ray.cluster_utils import Cluster

        nodes = {"num_cpus": 1, "object_store_memory": BYTES}
        cluster = Cluster(initialize_head=True, head_node_args={**nodes, "include_dashboard": False})
        try:
            cluster.add_node(**nodes)
            yield cluster
        finally:
            cluster.shutdown()


def test_a_sweep_outlives_a_node_that_is_killed_under_it(folder, start, cluster):
    (other,) = cluster.worker_nodes
    process = start("node", "executor=ray", f"ray.address={cluster.address}", "train.max_updates=3000")
    wait_for(lambda: process.poll() is not None or len(checkpoints(folder, "node")) == 2)
    cluster.remove_node(other, allow_graceful=False)
    assert process.wait(PATIENT) == 0, said(folder, "node")
    assert "retried: its task died, " in said(folder, "node")
    assert "raylet" not in said(folder, "node") + (folder / "node.out").read_text()
    assert bench(folder, *SWEEP, "name=alone", "train.max_updates=3000").returncode == 0
    assert outcomes(folder, "node") == outcomes(folder, "alone")


def test_a_cluster_of_its_own_gives_the_bits_of_processes_and_says_no_word(folder):
    done = bench(folder, *SWEEP, "executor=ray", "name=ray", "ray.packs=2")
    assert done.returncode == 0, done.stderr
    assert outcomes(folder, "ray") == outcomes(folder, "local")
    lines = done.stderr.splitlines()
    assert len(lines) == 6, done.stderr
    assert all(line.startswith(("4 runs", "[", "report: ")) for line in lines)


def test_a_stopped_sweep_leaves_checkpoints_and_no_process_and_goes_on(folder, start):
    process = start("tasks", "executor=ray")
    worker = worker_of(checkpoints(folder, "tasks")[0].parent)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENT) == 143
    assert "SIGTERM received" not in said(folder, "tasks")
    wait_for(lambda: not Path(f"/proc/{worker}").exists(), seconds=60)
    again = bench(folder, *SWEEP, "executor=ray", "name=tasks")
    assert again.returncode == 0, again.stderr
    assert outcomes(folder, "tasks") == outcomes(folder, "local")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "error: executor=ray: no cluster at `ray.address=127.0.0.1:1`"),
        ("nowhere", "error: bad config at `ray.address`: must be HOST:PORT or auto, got 'nowhere'"),
    ],
)
def test_a_cluster_that_does_not_answer_is_one_message_and_nothing_is_written(folder, address, message):
    refused = bench(folder, *SWEEP, "executor=ray", f"ray.address={address}", "name=nobody")
    assert refused.returncode == 2, refused.stderr
    assert message in refused.stderr
    assert not (folder / "results" / "nobody").exists()
