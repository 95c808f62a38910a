"""The archive: the files of a results directory in one compressed file, read as if they were not archived.

A plain file takes precedence over its archived copy.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from bench.core import disk
from bench.core.digest import checked_node, with_digest
from bench.core.errors import DataError, UsageError
from bench.results import files
from bench.results.files import LARGEST_BYTES, write_whole
from bench.results.paths import ARCHIVE

LARGEST_ARCHIVE = 1 << 30
CONTENTS = "contents.json"
FORMAT = 1
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the same files give the same bytes."""
ACCESS = 0o644 << 16

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
"""The zip format's header before a member, entry in the directory, and end of the directory."""
VERSION, UNIX, DEFLATED, IS_UTF8 = 20, 3, 8, 0x800
MIDNIGHT, NEW_YEAR = 0, 33
"""`EPOCH` as the zip format has it."""
MOST_MEMBERS = 0xFFFF
"""More than these the plain end of the directory cannot count; zipfile writes a longer one then."""


def text_of(directory: Path, path: Path) -> str:
    """Return the text of a file of a results directory, plain or archived.

    Raises FileNotFoundError where it is in neither, and DataError for one that no writer of ours has left.
    """
    return files.decoded(bytes_of(directory, path), str(path))


def bytes_of(directory: Path, path: Path, most: int = LARGEST_BYTES) -> bytes:
    """Return the content of a file of a results directory, plain or archived; raises as `text_of` does."""
    try:
        return files.bytes_of(path, most)
    except FileNotFoundError:
        name = path.relative_to(directory).as_posix()
        if name not in names(directory):
            raise
        return _content(directory / ARCHIVE, _open(directory), name, most)


def names(directory: Path) -> frozenset[str]:
    """Return the paths of what is in the archive, none where there is no archive. Raises DataError if it is damaged."""
    archive = _open(directory)
    return frozenset(archive.namelist()) - {CONTENTS} if archive is not None else frozenset()


def below(directory: Path, folder: str) -> set[str]:
    """Return the names of the archived files and folders that are in one folder; none where the archive is damaged."""
    try:
        return {parts[1] for parts in (name.split("/") for name in names(directory)) if parts[0] == folder}
    except DataError:
        return set()


def damage(directory: Path) -> str:
    """Return what is wrong with the archive, "" if it is whole or not there."""
    try:
        names(directory)
    except DataError as error:
        return str(error)
    return ""


def write(directory: Path, held: Mapping[str, bytes]) -> Path:
    """Replace the archive by one of these files, by path, and verify it by reading it back.

    Raises UsageError, before anything is written, for one that would be too large to be read.
    """
    path, buffer = directory / ARCHIVE, io.BytesIO()
    contents = {"files": sorted(held), "format": FORMAT}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in ((CONTENTS, with_digest(contents).encode()), *sorted(held.items())):
            member = zipfile.ZipInfo(name, EPOCH)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, ACCESS
            archive.writestr(member, content)
    if (size := buffer.tell()) > LARGEST_ARCHIVE:
        raise UsageError(f"{path} would be {size >> 20:,} MiB, and at most {LARGEST_ARCHIVE >> 20:,} can be read back")
    write_whole(path, buffer.getvalue())
    if any(_content(path, _open(directory), name) != content for name, content in held.items()):
        raise DataError(str(path), "does not hold what was written to it")
    return path


def _open(directory: Path) -> zipfile.ZipFile | None:
    path = directory / ARCHIVE
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataError(str(path), f"cannot be read: {error}") from error
    return _read(path.absolute(), found.st_mtime_ns, found.st_size, found.st_ino)


@lru_cache(maxsize=4)
def _read(path: Path, _mtime: int, size: int, _inode: int) -> zipfile.ZipFile:
    """Return an archive that is in memory, its list of contents checked."""
    if size > LARGEST_ARCHIVE:
        raise DataError(str(path), f"larger than {LARGEST_ARCHIVE >> 20} MiB")
    try:
        content = disk.bytes_of(path)
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(str(path), f"not an archive: {error}") from error
    contents = _contents(path, archive)
    if sorted(archive.namelist()) != sorted([CONTENTS, *contents]):
        raise DataError(str(path), "holds other files than its list of contents says; the file is damaged")
    if not _is_as_written(content, archive.infolist()):
        raise DataError(str(path), "its directory is not what was written; the file is damaged")
    return archive


def _is_as_written(content: bytes, members: Sequence[zipfile.ZipInfo]) -> bool:
    """Return whether an archive is, but for what its members hold, to the byte what `write` leaves.

    Names, sizes, checksums and places are then the same wherever they are written, and there is nothing besides.
    """
    place, directory = 0, b""
    for member in members:
        name = member.filename.encode()
        flags = 0 if member.filename.isascii() else IS_UTF8
        what = (flags, DEFLATED, MIDNIGHT, NEW_YEAR, member.CRC, member.compress_size, member.file_size, len(name), 0)
        before = LOCAL.pack(b"PK\x03\x04", VERSION, *what) + name
        if not content.startswith(before, place):
            return False
        made = VERSION | UNIX << 8
        directory += CENTRAL.pack(b"PK\x01\x02", made, VERSION, *what, 0, 0, 0, ACCESS, place) + name
        place += len(before) + member.compress_size
    if len(members) > MOST_MEMBERS:
        return content.startswith(directory, place)
    n = len(members)
    return content[place:] == directory + END.pack(b"PK\x05\x06", 0, 0, n, n, len(directory), place, 0)


def _contents(path: Path, archive: zipfile.ZipFile) -> list[str]:
    where = f"{path}/{CONTENTS}"
    text = files.decoded(_content(path, archive, CONTENTS), where)
    return list(checked_node(text, where, FORMAT, "list of contents")["files"])


def _content(path: Path, archive: zipfile.ZipFile | None, name: str, most: int = LARGEST_BYTES) -> bytes:
    where = f"{path}/{name}"
    try:
        if archive is None:
            raise KeyError(name)
        with archive.open(name) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise DataError(where, f"larger than {most / (1 << 20):,.3g} MiB")
        if len(content) != archive.getinfo(name).file_size:
            raise DataError(where, "not of the size that the directory of the archive says")
        return content
    except (KeyError, OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(where, f"cannot be read: {error}") from error
