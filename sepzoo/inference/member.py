"""The record `sepzoo.json` that lies in the folder of a model's files."""

from __future__ import annotations

from pathlib import Path

from sepzoo.records.metadata import Metadata
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.support.regular_file import read_bounded


def read_member(member: Path, model: Path, expected: str) -> Metadata | None:
    """Return the record in a file; None where there is no such file.

    Args:
        member: the file.
        model: what it belongs to, for errors.
        expected: what that should be, in words.

    Raises:
        SepzooError: the file is no such record.

    Example:
        >>> read_member(Path("nowhere/sepzoo.json"), Path("nowhere"), "a SavedModel") is None
        True
    """
    if not member.is_file():
        return None
    try:
        return Metadata.from_json(read_bounded(member, most_bytes=BOUNDS.labels))
    except (OSError, SepzooError) as error:
        raise SepzooError(f"{model}: expected {expected}. Received: a damaged one ({member.name}: {error}).") from None
