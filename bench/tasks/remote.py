"""Remote data: files at pinned URLs, and data sets of the Hugging Face hub at a pinned revision."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from bench.core.disk import cache_dir
from bench.core.errors import BenchError
from bench.tasks.cache import digest_of_file, keep, kept, made_cache_dir
from bench.tasks.local_files import Files
from bench.tasks.source_spec import SPLITS, HubSource, UrlSource, names_of
from bench.tasks.tables import SPLIT_NAMES, quiet_datasets


class FetchError(BenchError):
    """A remote source could not be fetched."""


def fetched(source: UrlSource | HubSource, column: str) -> Files | None:
    """Return the files fetched earlier if they are all there and whole."""
    return _fetched_files(source) if isinstance(source, UrlSource) else _fetched_rows(source, column)


def fetch(source: UrlSource | HubSource, column: str) -> Files:
    """Fetch a source into the cache folder. Raises FetchError if it is unavailable or does not match its pin."""
    return _fetch_files(source) if isinstance(source, UrlSource) else _fetch_rows(source, column)


def addresses(source: UrlSource | HubSource) -> list[str]:
    """Return the addresses of a source, one line for each file or data set."""
    if isinstance(source, UrlSource):
        return list(names_of(source).values())
    return [f"https://huggingface.co/datasets/{source.id} at revision {source.revision}"]


def host(source: UrlSource | HubSource) -> str:
    """Return the machine that a source is on."""
    return urlsplit(addresses(source)[0]).netloc


def _fetched_files(source: UrlSource) -> Files | None:
    paths = {key: cache_dir() / _file_name(source, key) for key in names_of(source)}
    if all(path.exists() and digest_of_file(path) == source.sha256[key] for key, path in paths.items()):
        return Files(source.format, paths)
    return None


def _fetch_files(source: UrlSource) -> Files:
    import pooch

    pooch.get_logger().setLevel(logging.ERROR)  # the download is announced by the caller
    folder, paths = made_cache_dir(), {}
    for key, address in names_of(source).items():
        name = _file_name(source, key)
        try:
            path = pooch.retrieve(address, known_hash=f"sha256:{source.sha256[key]}", fname=name, path=folder)
        except Exception as error:  # `requests` and `urllib3` each raise many classes
            raise FetchError(f"{urlsplit(address).netloc}: {_reason(error)}") from error
        paths[key] = Path(path)
    return Files(source.format, paths)


def _file_name(source: UrlSource, key: str) -> str:
    """Return a file name made of the content's digest, since a URL is no safe file name."""
    is_packed = PurePosixPath(urlsplit(names_of(source)[key]).path).suffix == ".gz"
    return f"{source.sha256[key]}.{source.format}{'.gz' if is_packed else ''}"


def _fetched_rows(source: HubSource, column: str) -> Files | None:
    paths = {split: kept(_stem(source, column, split), ".parquet") for split in SPLITS}
    whole = {split: path for split, path in paths.items() if path is not None}
    return Files("parquet", whole) if len(whole) == len(SPLITS) else None


def _fetch_rows(source: HubSource, column: str) -> Files:
    if Path(source.id).exists():
        raise FetchError(f"{addresses(source)[0]}: a folder {source.id} here would be taken for it; start elsewhere")
    paths = {}
    try:
        splits = quiet_datasets().load_dataset(
            source.id, source.config, revision=source.revision, streaming=True, token=False
        )
        for name, rows in splits.items():
            values = [row[source.column or column] for row in rows]
            split = SPLIT_NAMES.get(name, name)
            paths[split] = keep(_stem(source, column, split), ".parquet", _parquet(values, column))
    except BenchError:
        raise
    except Exception as error:  # the hub's client has errors of its own, and so has every reader below it
        raise FetchError(f"{addresses(source)[0]}: {_reason(error)}") from error
    if missing := set(SPLITS) - set(paths):
        raise FetchError(f"{addresses(source)[0]}: has no split {', '.join(sorted(missing))}")
    return Files("parquet", {split: paths[split] for split in SPLITS})


def _stem(source: HubSource, column: str, split: str) -> str:
    words = ("hub", source.id, source.config or "", source.revision[:12], source.column or column, split)
    return re.sub(r"[^\w.-]", "-", "-".join(words), flags=re.ASCII)


def _parquet(values: list[object], column: str) -> bytes:
    import pyarrow
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({column: values}), buffer)
    return buffer.getvalue()


def _reason(error: Exception) -> str:
    """Return the relevant part of an error's first line; those of the network can have hundreds of characters."""
    line = (str(error) or type(error).__name__).strip().split("\n")[0]
    heart = line.rpartition("Caused by ")[2]
    return heart if len(heart) <= 200 else heart[:197] + "..."
