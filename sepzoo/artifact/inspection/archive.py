"""Zip archives: their directory is checked before a member is unpacked."""

from __future__ import annotations

import contextlib
import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from sepzoo.support.bounds import BOUNDS

_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextlib.contextmanager
def open_archive(file: BinaryIO, size: int) -> Iterator[zipfile.ZipFile]:
    """Yield the archive in a file of so many bytes.

    Raises:
        ValueError: more members, or larger ones, than `BOUNDS` allows; a name that comes twice or leads elsewhere; a
            link; a member that is encrypted, or packed otherwise than by deflating.
        zipfile.BadZipFile: it is no archive, or a damaged one.
    """
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        BOUNDS.check_count("members", len(members))
        names: set[str] = set()
        for member in members:
            if member.filename in names:
                raise ValueError(f"it has two members of the name {member.filename!r}")
            names.add(member.filename)
            _check_member(member)
        BOUNDS.check_unpacked(sum(member.file_size for member in members), size)
        if sum(member.compress_size for member in members) > size:
            raise ValueError("its members overlap")
        yield archive


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.filename
    if not is_inside(member.orig_filename) or name != member.orig_filename:
        raise ValueError(f"its member {member.orig_filename!r} leads out of the archive")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ValueError(f"its member {name!r} is a link")
    if member.flag_bits & _ENCRYPTED:
        raise ValueError(f"its member {name!r} is encrypted")
    if member.compress_type not in _METHODS:
        raise ValueError(f"its member {name!r} is packed by method {member.compress_type}; 0 and 8 are read")
    if member.compress_type == zipfile.ZIP_STORED and member.compress_size != member.file_size:
        raise ValueError(f"its member {name!r} has two sizes")


def is_inside(name: str) -> bool:
    """Return whether a name, on any system, stays below the folder that it is relative to.

    Example:
        >>> is_inside("assets/words.txt"), is_inside("../words.txt"), is_inside("C:/words.txt")
        (True, False, False)
    """
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name or not name)


def read_member(archive: zipfile.ZipFile, name: str, bound: int) -> bytes:
    """Return the bytes of a member.

    Raises:
        ValueError: they are more than the bound.
        zipfile.BadZipFile: they are damaged.
    """
    size = archive.getinfo(name).file_size
    if size > bound:
        raise ValueError(f"its member {name!r} has {size:,} bytes, of which at most {bound:,} are allowed")
    return archive.read(name)


def open_member(archive: zipfile.ZipFile, file: BinaryIO, name: str) -> BinaryIO:
    """Return a member as a file that seeks at once: in place where it is stored as it is, else unpacked in memory."""
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED:
        return io.BytesIO(archive.read(name))
    with archive.open(name):
        pass  # compares the member's own header with the directory
    file.seek(member.header_offset + 26)
    lengths = file.read(4)
    start = member.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    return io.BufferedReader(_Part(file, start, member.file_size), 2**16)


class _Part(io.RawIOBase):
    """A stretch of a file as a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._place = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer elsewhere
        self._file.seek(self._start + self._place)
        data = self._file.read(max(0, min(len(buffer), self._size - self._place)))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)
