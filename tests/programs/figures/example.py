"""The pictures of the README's first look, from the report of the demo.

    make demo && python -m tests.programs.figures.example

The first screen of the page, and two figures of the Bach chorales.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.report.browser import opened, show

REPORT = Path("results/demo/report")
HERE = Path("results/example")
FIGURES = ("score", "curves")

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as profile, opened(Path(profile)) as browser:
        show(browser, REPORT / "report.html", width=1180, height=1000)
        browser.save_screenshot(str(HERE / "report.png"))
    for name in FIGURES:
        (figure,) = (REPORT / "figures").glob(f"music21_bach-*-{name}.png")
        shutil.copy(figure, HERE / f"{name}.png")
    print(f"wrote {HERE}")
