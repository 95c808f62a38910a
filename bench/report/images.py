"""Figures as bytes: the same records give the same bytes, so no date and no version is written into them."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any

import PIL.Image
from matplotlib.figure import Figure

from bench.report.ink import theme

DOTS_PER_INCH = 200
"""Twice what a screen shows at the figure's printed size."""


@dataclass(frozen=True)
class Image:
    """A rendered figure."""

    png: bytes
    svg: bytes


COLOURS = 256
"""Colours of a PNG: a figure has a few and their shades at edges; with a palette its file is a third as large."""


def render(figure: Figure) -> Image:
    """Return a figure as PNG and SVG."""
    png = _with_palette(_save(figure, "png", {"Software": None}))
    return Image(png, _save(figure, "svg", {"Date": None, "Creator": None}))


def _with_palette(png: bytes) -> bytes:
    with PIL.Image.open(io.BytesIO(png)) as image, io.BytesIO() as buffer:
        image.convert("RGB").quantize(COLOURS, dither=PIL.Image.Dither.NONE).save(buffer, "png", optimize=True)
        return buffer.getvalue()


def _save(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    with theme(), warnings.catch_warnings(), io.BytesIO() as buffer:
        # a task may have a name in any script; a missing glyph is drawn as a box and is no reason to fail
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
        return buffer.getvalue()
