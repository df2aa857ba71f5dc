"""Files from the network, into Keras's cache: bounded in size, compared with their hash, whole or absent."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import urllib.request
from pathlib import Path

from sepzoo.support.bounds import BOUNDS
from sepzoo.support.progress import announced

_BLOCK = 2**20
_SHA256 = 64
"""Digits of that hash; one by MD5 has fewer."""

_PATIENCE = 60
"""Seconds without a byte after which a server is given up."""


def download(
    name: str,
    url: str,
    *,
    cache_subdir: str,
    hash_algorithm: str,
    file_hash: str | None,
    most_bytes: int = BOUNDS.unpacked,
) -> Path:
    """Return a file of Keras's cache (`~/.keras`, or what `KERAS_HOME` says), fetched where it is not there yet.

    Args:
        name: of the file in the cache.
        url: where it is fetched from.
        cache_subdir: the folder in the cache.
        hash_algorithm: "md5" or "sha256"; "auto" goes by the length of the hash.
        file_hash: that the file must have; None where nobody published one.
        most_bytes: the download is broken off beyond them.

    Raises:
        OSError: of the network or the disk.
        ValueError: more bytes, or another hash; nothing is left in the cache.

    Example:
        >>> folder = Path(tempfile.mkdtemp())
        >>> address = (folder / "weights").as_uri()
        >>> _ = (folder / "weights").write_bytes(b"1234")
        >>> download("new", address, cache_subdir=str(folder), hash_algorithm="md5", file_hash=None, most_bytes=3)
        Traceback (most recent call last):
        ...
        ValueError: it has more than 3 bytes
    """
    folder = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / cache_subdir
    target = folder / name
    if target.is_file() and file_hash in (None, _hash(target, hash_algorithm, file_hash)):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder))
    try:
        with announced(f"downloading {url}"):
            _stream(url, workspace / name, most_bytes)
        found = _hash(workspace / name, hash_algorithm, file_hash)
        if file_hash not in (None, found):
            raise ValueError(f"expected the hash {file_hash}, received {found}")
        (workspace / name).replace(target)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    return target


def _stream(url: str, path: Path, most_bytes: int) -> None:
    with urllib.request.urlopen(url, timeout=_PATIENCE) as answer, path.open("wb") as file:
        left = int(answer.headers.get("Content-Length") or 0)
        received = 0
        while block := answer.read(_BLOCK):
            received += len(block)
            if max(received, left) > most_bytes:
                raise ValueError(f"it has more than {most_bytes:,} bytes")
            file.write(block)
    if received < left:
        raise ValueError(f"it ended after {received:,} of {left:,} bytes")


def _hash(path: Path, algorithm: str, file_hash: str | None) -> str:
    """Return a file's hash, of the kind that is asked for or that is as long as the one that is known."""
    if algorithm == "auto":
        algorithm = "sha256" if file_hash is not None and len(file_hash) == _SHA256 else "md5"
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
