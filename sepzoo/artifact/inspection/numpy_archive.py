"""`.npy` and `.npz` files: the header of each array is compared with the bytes behind it."""

from __future__ import annotations

import math
import zipfile
from typing import IO

from numpy.lib import format as npy

from sepzoo.artifact.inspection.records import Array
from sepzoo.support.bounds import BOUNDS


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
        with archive.open(member.filename) as file:
            array, problem = read_npy(file, name, member.file_size)
        if array is not None:
            arrays.append(array)
        if problem:
            pickled.append(problem)
    return tuple(arrays), tuple(pickled)


def read_npy(file: IO[bytes], name: str, size: int) -> tuple[Array | None, str]:
    """Return the array in a file of so many bytes, and ""; or None, and that it is pickled. No value is read.

    Raises:
        ValueError: no array, of a version that is not read, or with other bytes than its shape and type take.
    """
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"{name!r} is of version {version}; 1.0 and 2.0 are read")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        return None, f"{name!r}, which is pickled"
    body = size - file.tell()
    BOUNDS.check_unpacked(body, size)
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != body:
        raise ValueError(f"{name!r} has {body:,} bytes, which do not hold {dtype} of {shape}")
    return Array(name, shape, str(dtype), body), ""
