"""How a cell looks, the same in every figure: its printed name, colour, marker and place."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import PIL.Image
import seaborn as sns
from matplotlib.figure import Figure

from bench.results.labels import (
    TEXT_COLOUR,
)


@contextmanager
def theme() -> Iterator[None]:
    """Draw in seaborn's white style, with readable sizes and text taken literally (a name may hold a dollar sign)."""
    style = sns.axes_style("whitegrid")
    sizes = sns.plotting_context("paper", font_scale=1.15)
    ours: dict[Any, Any] = {
        "axes.edgecolor": "#9aa0a6",
        "axes.labelcolor": TEXT_COLOUR,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.facecolor": "white",
        "font.family": ["sans-serif"],
        "font.sans-serif": ["DejaVu Sans"],
        "grid.color": "#e8eaed",
        "grid.linewidth": 0.8,
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "gatebench",
        "text.color": TEXT_COLOUR,
        "text.parse_math": False,
        "xtick.color": "#3c4043",
        "ytick.color": "#3c4043",
    }
    with mpl.rc_context({**style, **sizes, **ours}):
        yield


DOTS_PER_INCH = 200
"""Twice what a screen shows at the figure's printed size."""


@dataclass(frozen=True)
class Image:
    """A rendered figure."""

    png: bytes
    svg: bytes


def write(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as PNG and SVG under a path without its suffix, and return the files."""
    image = render(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [path.with_suffix(".png"), path.with_suffix(".svg")]
    for file, content in zip(files, (image.png, image.svg), strict=True):
        file.write_bytes(content)
    return files


PALETTE_SIZE = 256
"""Colours of a PNG: a figure has a few and their shades at edges; with a palette its file is a third as large."""


def render(figure: Figure) -> Image:
    """Return a figure as PNG and SVG, both in the layout that the first was given."""
    png = _with_palette(_save(figure, "png", {"Software": None}))
    figure.set_layout_engine("none")
    return Image(png, _save(figure, "svg", {"Date": None, "Creator": None}))


def _with_palette(png: bytes) -> bytes:
    with PIL.Image.open(io.BytesIO(png)) as image, io.BytesIO() as buffer:
        image.convert("RGB").quantize(PALETTE_SIZE, dither=PIL.Image.Dither.NONE).save(buffer, "png", optimize=True)
        return buffer.getvalue()


def _save(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    with theme(), any_script(), io.BytesIO() as buffer:
        figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
        return buffer.getvalue()


@contextmanager
def any_script() -> Iterator[None]:
    """Draw text in any script, as a task's name may be: a missing glyph becomes a box, which is nothing to warn of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
