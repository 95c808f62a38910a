"""The figure of times over operations: a dot for each cell, the diagonal, and labels that can be told apart."""

from __future__ import annotations

from itertools import combinations

import pytest

from bench.report.figures.operations import operations_figure, write_operations_figure
from bench.report.figures.style import theme

CELLS = {
    "lstm": ("LSTM", 1.0, 1.0),
    "lstm_b": ("LSTM", 1.0, 1.01),
    "gru": ("GRU", 0.78, 0.8),
    "mut2": ("MUT2", 0.78, 0.81),
    "mut3": ("MUT3", 0.78, 0.8),
    "fgr": ("LSTM (full gate recurrence)", 1.8, 2.6),
}


def rows(kernels=("bptt",)):
    return [
        {
            "workload": "music46",
            "K": 2,
            "kernel": kernel,
            "cell": cell,
            "title": title,
            "operations_over_lstm": operations,
            "time_over_lstm": time,
            "iqr": [time - 0.1, time + 0.2],
        }
        for kernel in kernels
        for cell, (title, operations, time) in CELLS.items()
    ]


def test_a_panel_for_each_kernel_has_a_dot_for_each_cell_with_its_quartiles():
    panels = operations_figure(rows(("fused", "bptt"))).axes
    assert [panel.get_title() for panel in panels] == [f"music46, K = 2, kernel {name}" for name in ("fused", "bptt")]
    dots = [tuple(map(float, bars.lines[0].get_xydata()[0])) for bars in panels[0].containers]
    assert dots == [(operations, time) for _, operations, time in CELLS.values()]
    (bars,) = panels[0].containers[0].lines[2]
    assert bars.get_segments()[0][:, 1].tolist() == [0.9, 1.2]


def test_the_line_is_the_diagonal():
    (axes,) = operations_figure(rows()).axes
    line = axes.lines[0]
    assert (line.get_xy1(), line.get_xy2()) == ((1.0, 1.0), (2.0, 2.0))


def test_labels_are_titles_apart_from_each_other_and_inside():
    with theme():
        figure = operations_figure(rows())
        figure.draw_without_rendering()
        (axes,) = figure.axes
        boxes = [text.get_window_extent() for text in axes.texts]
    names = {text.get_text() for text in axes.texts}
    assert names == {"LSTM", "LSTM (lstm_b)", "GRU", "MUT2", "MUT3", "LSTM (full gate recurrence)"}
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert all(box.x1 <= axes.bbox.x1 for box in boxes)


@pytest.mark.parametrize("name", ["cells", "cells.svg"])
def test_it_is_written_twice(name, tmp_path):
    png, svg = write_operations_figure(rows(), tmp_path / name)
    assert (png.name, svg.name) == ("cells.png", "cells.svg")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in svg.read_bytes()
