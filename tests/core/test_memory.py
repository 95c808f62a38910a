"""Memory: what is told of this process, of another, and of the machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.core.memory import peak_bytes, reset_peak, resident_bytes, total_bytes

BLOCK = 64 << 20


def test_a_peak_is_seen_after_it_has_passed():
    reset_peak()
    before = peak_bytes()
    block = b"x" * BLOCK
    assert len(block) == BLOCK
    del block
    assert peak_bytes() >= before + BLOCK // 2
    assert peak_bytes() < total_bytes()


def test_the_memory_of_another_process_is_told_while_it_lives():
    code = f"block = b'x' * {BLOCK}; print(flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        child.stdout.readline()
        assert BLOCK <= resident_bytes(child.pid) < total_bytes()
        child.stdin.close()
    assert resident_bytes(child.pid) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="what psutil counts elsewhere is not asked of the system here")
def test_psutil_counts_what_the_system_counts():
    assert total_bytes() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
