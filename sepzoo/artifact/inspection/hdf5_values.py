"""Every value of an HDF5 file, read once: what its reader would stumble over, or what is longer than it says."""

from __future__ import annotations

import math

import h5py
import numpy as np
from h5py import h5a, h5d, h5s

from sepzoo.support.types import Hdf5Id, Hdf5Item

_STRETCH = 2**26
"""Bytes that are read at once."""


def attribute_bytes(owner: Hdf5Id) -> int:
    """Return how many bytes the attributes of a group or a dataset declare; none is read."""
    attributes = [h5a.open(owner, index=index) for index in range(h5a.get_num_attrs(owner))]
    return sum(math.prod(each.shape or ()) * each.get_type().get_size() for each in attributes)


def read_attributes(owner: Hdf5Id) -> int:
    """Read the attributes of a group or a dataset, and return how many bytes of text they have."""
    if not h5a.get_num_attrs(owner):
        return 0
    return sum(_text_bytes(value) for value in _opened(owner).attrs.values())


def read_values(dataset: Hdf5Id) -> int:
    """Read a dataset, a stretch at a time, and return how many bytes it has in memory."""
    if dataset.get_space().get_simple_extent_type() == h5s.NULL:
        return 0
    shape, dtype = dataset.shape, dataset.dtype
    size = math.prod(shape) * dtype.itemsize
    if size <= _STRETCH and not dtype.hasobject:
        dataset.read(h5s.ALL, h5s.ALL, np.empty(shape, dtype))
        return size
    opened = h5py.Dataset(dataset)
    if not shape:
        return _text_bytes(opened[()])
    rows = max(1, _STRETCH * shape[0] // max(1, size))
    stretches = (opened[start : start + rows] for start in range(0, shape[0], rows))
    return sum(_text_bytes(stretch) if dtype.hasobject else stretch.nbytes for stretch in stretches)


def _opened(owner: Hdf5Id) -> Hdf5Item:
    return h5py.Dataset(owner) if isinstance(owner, h5d.DatasetID) else h5py.Group(owner)


def _text_bytes(value: object) -> int:
    """Return how many bytes a value has whose texts have lengths of their own; those behind one text count alone."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, np.ndarray):
        return sum(map(_text_bytes, value.flat)) if value.dtype.hasobject else value.nbytes
    return 0
