"""The report: run records in; a page, tables and figures out. Needs neither torch nor Hydra.

The summary frame is `bench.report.summary.summary`. Functions here are loaded when they are first asked for, as
pandas and seaborn take a second or two to import.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.report.console import console_text as console_text
    from bench.report.files import PAGE as PAGE
    from bench.report.files import build as build
    from bench.report.frames import curves_frame as curves_frame
    from bench.report.frames import runs_frame as runs_frame
    from bench.report.material import Material as Material
    from bench.report.summary import summary_rows as summary_rows

ROOMS = {
    "Material": "material",
    "build": "files",
    "console_text": "console",
    "PAGE": "files",
    "curves_frame": "frames",
    "runs_frame": "frames",
    "summary_rows": "summary",
}
"""Function to the module that has it."""

__all__ = ["PAGE", "Material", "build", "console_text", "curves_frame", "runs_frame", "summary_rows"]


def __getattr__(name: str) -> Any:
    if name not in ROOMS:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    return getattr(importlib.import_module(f"{__name__}.{ROOMS[name]}"), name)
