"""The record of an exported file that is put into it last, with a hash of it and of all that was there before.

It lies in a `.tflite` file as the last member of the archive behind it, in an `.onnx` file as the last entry of its
metadata, in a page as the comment behind it, in a folder as a file. Any other byte than was written is found; who wrote
them it doesn't prove.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sepzoo.artifact.inspection.onnx_graph import METADATA, metadata_field
from sepzoo.artifact.inspection.protobuf import fields
from sepzoo.artifact.model_format import ONNX, PAGE, TFLITE, content_of, folder_format
from sepzoo.support.atomic import MARKER
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.support.json_text import parse_json
from sepzoo.support.regular_file import read_bounded
from sepzoo.support.types import Json

SEAL = "sepzoo-check.json"

_DATE = (1980, 1, 1, 0, 0, 0)
"""Of the member, so that bytes do not vary."""
_HASH = "sha256"
_COMMENT = f"<!-- {SEAL}\n".encode(), b"\n-->\n"


@dataclasses.dataclass(frozen=True)
class Seal:
    """What was found in a file.

    Attributes:
        record: as it was written.
        whole: whether it, and all else, is as it was written.
    """

    record: dict[str, Json]
    whole: bool


def add_seal(path: Path, record: dict[str, Json]) -> None:
    """Put a record into a file or folder that has none.

    Args:
        path: of a file that `sepzoo.export` can write; it is changed in place.
        record: what JSON holds.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "model.xml").write_text("<net />")
        >>> add_seal(folder, {"name": "small"})
        >>> read_seal(folder)
        Seal(record={'name': 'small'}, whole=True)
    """
    if path.is_dir():
        (path / SEAL).write_text(_text(record, _hash_of_folder(path)), encoding="ascii")
        return
    content = path.read_bytes()
    append = {ONNX: _with_field, PAGE: _with_comment}.get(content_of(path))
    if append is not None:
        path.write_bytes(append(content, record))
        return
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        start, members = archive.start_dir, archive.infolist()
    path.write_bytes(_with_member(content[:start], members, record))


def read_seal(path: Path) -> Seal | None:
    """Return the record in a file or folder; None where it has none.

    Raises:
        SepzooError: what is there as the record is none.
    """
    try:
        if path.is_dir():
            return _of_folder(path)
        reader = {ONNX: _of_onnx, PAGE: _of_page, TFLITE: _of_tflite}.get(content_of(path))
        return None if reader is None else reader(path.read_bytes())
    except (ValueError, OSError, zipfile.BadZipFile):
        raise SepzooError(
            f"{path}: expected a file as it was written, with the record of its check. Received: a damaged record. "
            "Export it again, or take it from where it came."
        ) from None


def _text(record: dict[str, Json], rest: str) -> str:
    """Return the record as it is written, with the hash of it and of the rest's hash."""
    digest = hashlib.sha256(f"{rest}{json.dumps(record)}".encode()).hexdigest()
    return json.dumps({**record, _HASH: digest}, separators=(",", ":"))  # ASCII: the same bytes everywhere


def _record(text: bytes) -> dict[str, Json]:
    record = parse_json(text)
    if not isinstance(record, dict):
        raise ValueError("it is no record")
    return {key: value for key, value in record.items() if key != _HASH}


def _of_folder(path: Path) -> Seal | None:
    if folder_format(path) is None or not (path / SEAL).is_file():
        return None
    text = read_bounded(path / SEAL, most_bytes=BOUNDS.labels)
    record = _record(text)
    return Seal(record, text == _text(record, _hash_of_folder(path)).encode())


def _hash_of_folder(path: Path) -> str:
    found = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        if file.is_file() and name not in (SEAL, MARKER):
            found.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode(errors="surrogateescape"))
    return found.hexdigest()


def _of_onnx(content: bytes) -> Seal | None:
    last = None
    for number, value in fields(memoryview(content)):
        last = (number, value)
    if last is None or last[0] != METADATA or not isinstance(last[1], memoryview):
        return None
    entry = dict(fields(last[1]))
    key, text = (bytes(part) if isinstance(part, memoryview) else b"" for part in (entry.get(1, 0), entry.get(2, 0)))
    if key != SEAL.encode():
        return None
    record = _record(text)
    before = content[: len(content) - len(metadata_field(SEAL, text.decode()))]
    return Seal(record, content == _with_field(before, record))


def _with_field(before: bytes, record: dict[str, Json]) -> bytes:
    return before + metadata_field(SEAL, _text(record, hashlib.sha256(before).hexdigest()))


def _of_page(content: bytes) -> Seal | None:
    before, start, text = content.rpartition(_COMMENT[0])
    if not start or not text.endswith(_COMMENT[1]):
        return None
    record = _record(text.removesuffix(_COMMENT[1]))
    return Seal(record, content == _with_comment(before, record))


def _with_comment(before: bytes, record: dict[str, Json]) -> bytes:
    text = _text(record, hashlib.sha256(before).hexdigest()).replace(">", "\\u003e")  # so that no name ends the comment
    return before + _COMMENT[0] + text.encode() + _COMMENT[1]


def _of_tflite(content: bytes) -> Seal | None:
    stream = io.BytesIO(content)
    if not zipfile.is_zipfile(stream):
        return None
    with zipfile.ZipFile(stream) as archive:
        members = sorted(archive.infolist(), key=lambda member: member.header_offset)
        if not members or members[-1].filename != SEAL or members[-1].file_size > BOUNDS.labels:
            return None
        record = _record(archive.read(members[-1]))
    return Seal(record, content == _with_member(content[: members[-1].header_offset], members[:-1], record))


def _with_member(before: bytes, members: Sequence[zipfile.ZipInfo], record: dict[str, Json]) -> bytes:
    """Return what stands before an archive's directory with one more member behind it, and the directory of all."""
    stream = io.BytesIO(before)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        archive.start_dir = len(before)
        archive.filelist[:] = members
        archive.NameToInfo.update((member.filename, member) for member in members)
        archive.writestr(zipfile.ZipInfo(SEAL, _DATE), _text(record, hashlib.sha256(before).hexdigest()))
    return stream.getvalue()
