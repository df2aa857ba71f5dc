"""HDF5 files: every link and every dataset is looked at before a value is read."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import h5py
from h5py import h5d, h5l, h5o

from sepzoo.artifact.inspection.configuration import Findings, search
from sepzoo.artifact.inspection.hdf5_values import attribute_bytes, read_attributes, read_values
from sepzoo.artifact.inspection.layer_sizes import check_layer_sizes
from sepzoo.artifact.inspection.records import Array
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.support.json_text import parse_json
from sepzoo.support.types import Hdf5Id, Hdf5Item

_KINDS = "biufSV"
"""Of NumPy: truth values, integers, floats, text of fixed length, bytes."""

_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
"""Those that need no plug-in."""


@dataclasses.dataclass(frozen=True)
class Hdf5Content:
    """What an HDF5 file holds: its arrays, its model's configuration or None, what leads to other files."""

    arrays: tuple[Array, ...]
    findings: Findings
    reads_files: tuple[str, ...]
    keras_version: str | None
    is_model: bool
    is_legacy: bool


def read_hdf5(file: h5py.File, size: int, *, values: bool = False) -> Hdf5Content:
    """Return what is in an open file of so many bytes.

    Args:
        file: opened for reading.
        size: of the file in bytes.
        values: whether to read every value and attribute once, when all sizes are known to be allowed; else none is.

    Raises:
        ValueError: more than `BOUNDS` allows, a type of values that is no number and no text, or a filter that would
            need a plug-in.
        OSError, KeyError, RuntimeError: of h5py, where the file is damaged.
    """
    arrays, links, owners, datasets = [], [], [file["/"].id], []
    total = attribute_bytes(file["/"].id)
    for count, (name, member, problem) in enumerate(_members(file), start=1):
        BOUNDS.check_count("objects", count)
        if problem:
            links.append(f"{name}, {problem}")
            continue
        if not isinstance(member, h5d.DatasetID | h5py.h5g.GroupID):
            raise ValueError(f"{name} is neither a group nor a dataset")
        owners.append(member)
        total += attribute_bytes(member)
        if isinstance(member, h5d.DatasetID):
            datasets.append(member)
            arrays.append(_array(name, member))
            total += max(arrays[-1].bytes, _chunk_bytes(member))
        BOUNDS.check_unpacked(total, size)
    if values:
        read = sum(map(read_attributes, owners)) + sum(map(read_values, datasets))
        BOUNDS.check_unpacked(read, size)  # texts are longer than the places that lead to them
    root = file["model_weights"] if "model_weights" in file and not links else file
    text = _text_attribute(file, "model_config")
    config = None if text is None else parse_json(text)
    check_layer_sizes(config, arrays)
    return Hdf5Content(
        arrays=tuple(arrays),
        findings=search(config),
        reads_files=tuple(links),
        keras_version=_text_attribute(file, "keras_version") or _text_attribute(root, "keras_version"),
        is_model=text is not None,
        is_legacy="layer_names" in root.attrs,
    )


def check_self_contained(path: Path) -> None:
    """See that an HDF5 file holds all its values itself, each under one name, and no links by name.

    A dataset may say that its bytes lie in any other file of the machine, and a link may point anywhere; Keras and h5py
    follow both. One array of a few MB under a thousand names is read a thousand times. Nothing is read but the file's
    own structure.

    Args:
        path: of the file.

    Raises:
        SepzooError: external storage, an external or soft link, a virtual dataset, or a second name; it is named.
        OSError: no HDF5 file.
    """
    with h5py.File(path, "r") as file:
        for name, _member, problem in _members(file):
            if problem:
                raise SepzooError(
                    f"{path}: expected a file that holds all its values itself. Received: {name}, {problem}. "
                    "It was not read; ask where the file comes from."
                )


def _members(file: h5py.File) -> Iterator[tuple[str, Hdf5Id, str]]:
    """Yield the place of each member, the member, and "": groups before what is in them.

    A member that would make its reader open another file, or read something twice, is None, and the text says why.
    """
    root = file["/"].id
    groups, seen = [("", root)], {h5o.get_info(root).addr}
    while groups:
        place, group = groups.pop()
        for key in group:
            member, problem = _follow(group, key)
            name = f"{place}/{key.decode(errors='backslashreplace')}"
            if not problem:
                address = h5o.get_info(member).addr
                if address in seen:
                    member, problem = None, "a second name of what the file has already"
                seen.add(address)
            if isinstance(member, h5py.h5g.GroupID):
                groups.append((name, member))
            yield name, member, problem


def _follow(group: Hdf5Id, key: bytes) -> tuple[Hdf5Id, str]:
    """Return a member of a group and "", or why it would make its reader open another file."""
    kind = group.links.get_info(key).type
    if kind == h5l.TYPE_EXTERNAL:
        return None, f"a link into another file ({group.links.get_val(key)[0].decode(errors='backslashreplace')})"
    if kind != h5l.TYPE_HARD:
        return None, "a link by name"
    member = h5o.open(group, key)
    if isinstance(member, h5d.DatasetID):
        creation = member.get_create_plist()
        if creation.get_external_count():
            return None, f"whose bytes are those of another file ({_text(creation.get_external(0)[0])})"
        if creation.get_layout() == h5d.VIRTUAL:
            return None, "a virtual dataset, which reads other files"
    return member, ""


def _array(name: str, dataset: Hdf5Id) -> Array:
    if dataset.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        return Array(name, (), "empty", 0)
    dtype = dataset.dtype
    if dtype.kind not in _KINDS and not h5py.check_string_dtype(dtype):
        raise ValueError(f"{name} holds values of type {dtype}, which are neither numbers nor text")
    creation = dataset.get_create_plist()
    for number in range(creation.get_nfilters()):
        code = creation.get_filter(number)[0]
        if code not in _FILTERS:
            raise ValueError(f"{name} is packed by filter {code}; {', '.join(_FILTERS.values())} are read")
    return Array(name, tuple(dataset.shape), str(dtype), math.prod(dataset.shape) * dtype.itemsize)


def _chunk_bytes(dataset: Hdf5Id) -> int:
    """Return the bytes that reading any part takes at once."""
    creation = dataset.get_create_plist()
    if creation.get_layout() != h5d.CHUNKED:
        return 0
    return math.prod(creation.get_chunk()) * dataset.dtype.itemsize


def _text_attribute(owner: Hdf5Item, name: str) -> str | None:
    if name not in owner.attrs:
        return None
    attribute = owner.attrs.get_id(name)
    if math.prod(attribute.shape) * attribute.dtype.itemsize > BOUNDS.json:
        raise ValueError(f"its attribute {name} is larger than {BOUNDS.json:,} bytes")
    value = owner.attrs[name]
    return value.decode() if isinstance(value, bytes) else str(value)


def _text(name: bytes | str) -> str:
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else name
