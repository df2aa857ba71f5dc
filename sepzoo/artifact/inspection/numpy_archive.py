"""`.npz` files: the header of each array is compared with the bytes behind it."""

from __future__ import annotations

import math
import zipfile

import numpy as np
from numpy.lib import format as npy

from sepzoo.artifact.inspection.records import Array


def read_npz(archive: zipfile.ZipFile) -> tuple[tuple[Array, ...], tuple[str, ...]]:
    """Return the arrays of an archive that `open_archive` has checked, and those that are pickled; no value is read.

    Raises:
        ValueError: a member is no array, or has other bytes than its shape and type take.
    """
    arrays, pickled = [], []
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name == member.filename:
            raise ValueError(f"its member {name!r} is no array")
        shape, dtype, start = _header(archive, member.filename)
        if dtype.hasobject:
            pickled.append(f"{name!r}, which is pickled")
            continue
        size = math.prod(shape) * dtype.itemsize
        if any(length < 0 for length in shape) or size != member.file_size - start:
            raise ValueError(f"{name!r} has {member.file_size - start:,} bytes, which do not hold {dtype} of {shape}")
        arrays.append(Array(name, shape, str(dtype), size))
    return tuple(arrays), tuple(pickled)


def _header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype, int]:
    with archive.open(name) as file:
        version = npy.read_magic(file)
        readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"{name!r} is of version {version}; 1.0 and 2.0 are read")
        shape, _, dtype = readers[version](file)
        return shape, dtype, file.tell()
