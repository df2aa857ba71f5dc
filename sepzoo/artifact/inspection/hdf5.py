"""HDF5 files: every link and every dataset is looked at before a value is read."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import h5py

from sepzoo.artifact.inspection.configuration import Findings, search
from sepzoo.artifact.inspection.layer_sizes import check_layer_sizes
from sepzoo.artifact.inspection.records import Array
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.support.json_text import parse_json
from sepzoo.support.types import Hdf5Item

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


def read_hdf5(file: h5py.File, size: int) -> Hdf5Content:
    """Return what is in an open file of so many bytes; no value of a dataset is read.

    Raises:
        ValueError: more than `BOUNDS` allows, a type of values that is no number and no text, or a filter that would
            need a plug-in.
        OSError, KeyError, RuntimeError: of h5py, where the file is damaged.
    """
    arrays, links = [], []
    total = 0
    for count, (name, member, problem) in enumerate(_members(file), start=1):
        BOUNDS.check_count("objects", count)
        if problem:
            links.append(f"{name}, {problem}")
        elif isinstance(member, h5py.Dataset):
            arrays.append(_array(name, member))
            total += max(arrays[-1].bytes, _chunk_bytes(member))
            BOUNDS.check_unpacked(total, size)
        elif not isinstance(member, h5py.Group):
            raise ValueError(f"{name} is neither a group nor a dataset")
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
    """See that an HDF5 file holds all its values itself, and no links by name.

    A dataset may say that its bytes lie in any other file of the machine, and a link may point anywhere; Keras and h5py
    follow both. Nothing is read but the file's own structure.

    Args:
        path: of the file.

    Raises:
        SepzooError: external storage, an external or soft link, or a virtual dataset; it is named.
        OSError: no HDF5 file.
    """
    with h5py.File(path, "r") as file:
        for name, _member, problem in _members(file):
            if problem:
                raise SepzooError(
                    f"{path}: expected a file that holds all its values itself. Received: {name}, {problem}. "
                    "It was not read; ask where the file comes from."
                )


def _members(file: h5py.File) -> Iterator[tuple[str, Hdf5Item, str]]:
    """Yield the place of each member, the member, and "": each object once, groups before what is in them.

    A member that would make its reader open another file is None, and the text says why.
    """
    groups, seen = [file["/"]], set()
    while groups:
        group = groups.pop()
        for key in group:
            member, problem = _follow(group, key)
            if not problem:
                address = h5py.h5o.get_info(member.id).addr
                if address in seen:  # hard links can make a circle
                    continue
                seen.add(address)
                if isinstance(member, h5py.Group):
                    groups.append(member)
            yield f"{group.name.rstrip('/')}/{key}", member, problem


def _follow(group: h5py.Group, key: str) -> tuple[Hdf5Item, str]:
    """Return a member of a group and "", or why it would make its reader open another file."""
    link = group.get(key, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        return None, f"a link into another file ({link.filename})"
    if not isinstance(link, h5py.HardLink):
        return None, "a link by name"
    member = group[key]
    if isinstance(member, h5py.Dataset) and member.external:
        return None, f"whose bytes are those of another file ({member.external[0][0]})"
    if isinstance(member, h5py.Dataset) and member.is_virtual:
        return None, "a virtual dataset, which reads other files"
    return member, ""


def _array(name: str, dataset: h5py.Dataset) -> Array:
    if dataset.shape is None:
        return Array(name, (), "empty", 0)
    dtype = dataset.dtype
    if dtype.kind not in _KINDS and not h5py.check_string_dtype(dtype):
        raise ValueError(f"{name} holds values of type {dtype}, which are neither numbers nor text")
    creation = dataset.id.get_create_plist()
    for number in range(creation.get_nfilters()):
        code = creation.get_filter(number)[0]
        if code not in _FILTERS:
            raise ValueError(f"{name} is packed by filter {code}; {', '.join(_FILTERS.values())} are read")
    return Array(name, tuple(dataset.shape), str(dtype), math.prod(dataset.shape) * dtype.itemsize)


def _chunk_bytes(dataset: h5py.Dataset) -> int:
    """Return the bytes that reading any part takes at once."""
    return math.prod(dataset.chunks) * dataset.dtype.itemsize if dataset.chunks else 0


def _text_attribute(owner: Hdf5Item, name: str) -> str | None:
    if name not in owner.attrs:
        return None
    attribute = owner.attrs.get_id(name)
    if math.prod(attribute.shape) * attribute.dtype.itemsize > BOUNDS.json:
        raise ValueError(f"its attribute {name} is larger than {BOUNDS.json:,} bytes")
    value = owner.attrs[name]
    return value.decode() if isinstance(value, bytes) else str(value)
