"""Reading `.safetensors`."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from sepzoo.artifact.inspection.safetensors import Entry, read_header

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8"}


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name; bfloat16 becomes float32, as NumPy has no such type.

    Raises:
        ValueError: the file is not of this form; the text says in what.
    """
    data = path.read_bytes()
    entries, start = read_header(io.BytesIO(data), len(data))
    body = memoryview(data)[start:]
    return {name: _array(entry, body) for name, entry in entries.items()}


def _array(entry: Entry, body: memoryview) -> np.ndarray:
    array = np.frombuffer(body[entry.begin : entry.end], DTYPES[entry.dtype]).reshape(entry.shape)
    return (array.astype("<u4") << 16).view("<f4") if entry.dtype == "BF16" else array
