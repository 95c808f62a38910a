"""Probes of the trained models: how far back the gradient reaches, and the activations of the gates."""

from __future__ import annotations

import math
import statistics
import textwrap
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from bench.core.wording import NO_BREAK, quantity, span, spanned
from bench.report.figures.rows import WIDTH
from bench.report.section import Chart, Entry, Section, Table
from bench.results import GateProbe, ProbeRecord
from bench.results.labels import GREY, CellStyles, size_label

HEADERS = ("Model", "Layer", "Gate", "Closed", "Open", "Time constant", "25 % and 75 % of units")

CAPTION = (
    "Closed and open: share of all values of the gate below 0.1 and above 0.9. Time constant, of the gate that keeps "
    "the old state: in how many steps a unit's state falls to 1/e by this gate alone, -1 / mean(log gate), the median "
    "over units and the quartiles; it is what the gate allows, not what the model remembers."
)


def inside(probes: Sequence[ProbeRecord], looks: CellStyles, stem: str) -> tuple[Section, ...]:
    """Return the probe results of one task's Runs, ordered by cell; empty if no Run was probed."""
    known = [probe for probe in probes if probe.cell in looks]
    if not known:
        return ()
    ordered = sorted(known, key=lambda probe: (list(looks).index(probe.cell), probe.label))
    reached = [probe for probe in ordered if probe.quartiles]
    gated = [probe for probe in ordered if probe.gates]
    sections = [_reach(reached, looks, stem)] if reached else []
    return (*sections, _gates(gated, looks, stem)) if gated else tuple(sections)


def name_of(probe: ProbeRecord, looks: CellStyles) -> str:
    """Return the label that identifies a probed model."""
    return f"{looks[probe.cell].name} {size_label(probe.hidden_size, probe.num_layers)}, seed {probe.seed}"


def _reach(probes: Sequence[ProbeRecord], looks: CellStyles, stem: str) -> Section:
    data = pd.concat([_reach_frame(probe, name_of(probe, looks)) for probe in probes], ignore_index=True)
    reaches = "; ".join(f"{name_of(probe, looks)}: {_length(probe)}" for probe in probes)
    text = (
        "The loss of a step is followed back in time: how much would it change with the model's state some steps "
        "before? Where the curve has fallen by a lot, training can no longer tell what that state should have been: "
        "the gradient has vanished.",
        f"The median falls below 1 % of its value at lag 1 after: {reaches}.",
        _bits(probes, looks),
    )
    caption = (
        f"n = 1 run per line, {spanned([probe.n_pairs for probe in probes], 'pair')} of a validation sequence and a "
        "step. Line: median over the pairs, relative to lag 1. Band: from 25 to 75 % of the pairs; it says nothing of "
        "other seeds. The vertical axis is logarithmic."
    )
    alt = f"Lines of the gradient's norm against the lag. Below 1 % after: {reaches}."
    return Section(
        "How far back the gradient reaches",
        text,
        chart=Chart(f"{stem}-reach", alt, caption, reach_figure(data, looks), data),
    )


def _gates(probes: Sequence[ProbeRecord], looks: CellStyles, stem: str) -> Section:
    data = pd.concat([_gates_frame(probe, looks) for probe in probes], ignore_index=True)
    rows = tuple(_entries(probe, gate, looks) for probe in probes for gate in probe.gates)
    text = (
        "A gate near 0 is closed and near 1 open; one that stays in between lets a part through. A forget or update "
        "gate near 1 keeps what a unit holds."
    )
    steps = span([probe.n_steps for probe in probes])
    caption = (
        f"n = 1 run per row of panels, all units of a gate over {steps} validation steps, padding left out. Bars: "
        "share of the values in each of twenty equal bins; there is no interval."
    )
    found = "; ".join(f"{row[0].text} {row[2].text} gate {row[3].text} closed, {row[4].text} open" for row in rows)
    chart = Chart(f"{stem}-gates", f"Histograms of gate values: {found}.", caption, gates_figure(data, looks), data)
    return Section("What the gates do", (text,), Table(HEADERS, rows, CAPTION), chart)


def _reach_frame(probe: ProbeRecord, name: str) -> pd.DataFrame:
    low, median, high = probe.quartiles
    lags = range(1, len(median) + 1)
    return pd.DataFrame({"model": name, "cell": probe.cell, "lag": lags, "low": low, "median": median, "high": high})


def _gates_frame(probe: ProbeRecord, looks: CellStyles) -> pd.DataFrame:
    name, words = name_of(probe, looks), looks[probe.cell].words
    rows = [
        {"model": name, "cell": probe.cell, "layer": gate.layer + 1, "gate": words.gate(gate.gate)}
        | {"low": i / len(gate.shares), "high": (i + 1) / len(gate.shares), "share": share}
        for gate in probe.gates
        for i, share in enumerate(gate.shares)
    ]
    return pd.DataFrame(rows)


def _entries(probe: ProbeRecord, gate: GateProbe, looks: CellStyles) -> tuple[Entry, ...]:
    closed, opened = statistics.fmean(gate.closed), statistics.fmean(gate.opened)
    steps = [math.inf if constant is None else constant for constant in gate.time_constants]
    low, median, high = quartiles(steps) if steps else (math.nan,) * 3
    return (
        Entry(name_of(probe, looks)),
        Entry(str(gate.layer + 1), gate.layer + 1),
        Entry(looks[probe.cell].words.gate(gate.gate)),
        Entry(f"{100 * closed:.0f} %", closed),
        Entry(f"{100 * opened:.0f} %", opened),
        Entry(f"{median:.1f} steps" if steps else "", median if steps else None),
        Entry(f"{low:.1f} to {high:.1f}" if steps else ""),
    )


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile."""
    ordered = sorted(values)
    low, median, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.25, 0.5, 0.75))
    return low, median, high


def _length(probe: ProbeRecord) -> str:
    if probe.memory_length is None:
        return f"more than {quantity(len(probe.quartiles[1]), 'step')}"
    return quantity(probe.memory_length, "step")


def _bits(probes: Sequence[ProbeRecord], looks: CellStyles) -> str:
    other = [name_of(probe, looks) for probe in probes if not probe.is_same]
    if not other:
        return "The models were trained again for this, to the weights of their records, bit by bit."
    return f"The models were trained again for this; the weights of {'; '.join(other)} are not those of the record."


LEAST = 1e-6
"""What lies below this is off the figure: a million times less than at lag 1."""


LINES = ("solid", "dashed", "dotted", "dashdot")


def reach_figure(data: pd.DataFrame, looks: CellStyles) -> Figure:
    """Return the gradient's norm against the lag, one line for each model, its quartiles as a band."""
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    axes = figure.subplots()
    n_drawn: dict[str, int] = {}
    for (model, cell), rows in data.groupby(["model", "cell"], sort=False):
        style, i = looks[str(cell)], n_drawn.setdefault(str(cell), 0)
        n_drawn[str(cell)] += 1
        axes.plot(
            rows["lag"], rows["median"], color=style.colour, linestyle=LINES[i % 4], linewidth=2, label=str(model)
        )
        axes.fill_between(rows["lag"], rows["low"], rows["high"], color=style.colour, alpha=0.18, linewidth=0)
    axes.axhline(0.01, color=GREY, linewidth=0.9, linestyle="dashed")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(bottom=max(LEAST, 0.5 * data["low"].min()))
    axes.set_xlim(1, data["lag"].max())
    axes.set_xlabel("lag (steps back from the loss)")
    axes.set_ylabel("gradient of the state,\nrelative to lag 1")
    figure.legend(loc="outside upper left", ncols=3)
    return figure


def gates_figure(data: pd.DataFrame, looks: CellStyles) -> Figure:
    """Return one row of histograms for each layer of each model, one for each gate."""
    lines = list(data.groupby(["model", "layer"], sort=False))
    n_columns = max(rows["gate"].nunique() for _, rows in lines)
    figure = Figure(figsize=(WIDTH, 0.5 + 1.65 * len(lines)), layout="constrained")
    grid = figure.subplots(len(lines), n_columns, squeeze=False, sharex=True, sharey="row")
    for panels, ((model, layer), rows) in zip(grid, lines, strict=True):
        colour = looks[str(rows["cell"].iloc[0])].colour
        gates = list(rows.groupby("gate", sort=False))
        for panel in panels[len(gates) :]:
            panel.set_visible(False)
        for panel, (gate, own) in zip(panels, gates, strict=False):
            _histogram(panel, own, colour, str(gate))
        several = data.loc[data["model"] == model, "layer"].nunique() > 1
        panels[0].set_ylabel(_in_lines(str(model)) + (f"\nlayer {layer}" if several else ""), fontsize="small")
    return figure


def _in_lines(label: str) -> str:
    """Wrap a label to the height of a panel, never within a size."""
    return textwrap.fill(label.replace(" × ", f"{NO_BREAK}×{NO_BREAK}"), 20)


def _histogram(axes: Axes, rows: pd.DataFrame, colour: str, gate: str) -> None:
    axes.bar(
        rows["low"], rows["share"], width=rows["high"] - rows["low"], align="edge", color=colour, edgecolor="white"
    )
    axes.set_title(f"{gate} gate", fontsize="medium")
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.tick_params(labelbottom=True)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(visible=False, axis="x")
