"""The figure of a speed measurement: one panel per kernel, the peer as the line at 1."""

from __future__ import annotations

import pandas as pd
import pytest

from bench.report.figures.speed import speed_figure, write_speed_figure

KERNELS = ("fused", "reference", "torch.nn")


def rows():
    """Return rows of two workloads; `fused` does not run the LSTM."""
    pairs = [(cell, kernel) for cell in ("gru", "lstm") for kernel in KERNELS if (cell, kernel) != ("lstm", "fused")]
    return [
        {"workload": name, "K": 4, "cell": cell, "kernel": kernel, "ratio_to_torch_nn": 2.0, "ratio_iqr": [1.5, 4.0]}
        for name in ("music36", "char128")
        for cell, kernel in pairs
    ]


def test_each_kernel_has_a_panel_and_the_peer_is_the_line_at_one():
    panels = speed_figure(pd.DataFrame(rows())).axes
    assert [panel.get_title() for panel in panels] == ["fused", "reference"]
    for panel in panels:
        assert list(panel.lines[0].get_xdata()) == [1.0, 1.0]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["music36 (K = 4)", "char128 (K = 4)"]


def test_bars_span_the_quartiles():
    panel = speed_figure(pd.DataFrame(rows())).axes[1]
    (bars,) = panel.containers[0].lines[2]
    for segment in bars.get_segments():
        assert list(segment[:, 0]) == [1.5, 4.0]


@pytest.mark.parametrize("name", ["speed", "speed.png"])
def test_it_is_written_twice(name, tmp_path):
    png, svg = write_speed_figure(rows(), tmp_path / name)
    assert (png.name, svg.name) == ("speed.png", "speed.svg")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in svg.read_bytes()
