"""Whether runs whose times are compared took turns, so that what slows a machine down for a while slows all of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def took_turns(sides: Sequence[pd.DataFrame]) -> bool:
    """Return whether at least half the runs of each side started while those of every other side did."""
    starts = [pd.to_datetime(side["started"], utc=True, errors="coerce").dropna() for side in sides]
    spans = [(times.min(), times.max()) for times in starts]
    return all(not times.empty and times.between(*span).mean() >= 1 / 2 for times in starts for span in spans)
