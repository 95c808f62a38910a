"""A headless Chromium with an empty profile, and pages opened in it at a size and in a colour scheme."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)


def missing() -> str:
    """What this machine lacks, "" where it has all."""
    if _binary() is None:
        return "browser"
    return "" if shutil.which("chromedriver") else "browser driver"


@contextmanager
def opened(profile: Path) -> Iterator[Any]:
    """Open the browser, and close it when that is over."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = _binary()
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    )
    try:
        yield browser
    finally:
        browser.quit()


def show(browser: Any, page: Path, *, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
    """Show a page in a window of that size."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},  # no click while the page still scrolls
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(page.resolve().as_uri())


def _binary() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
