"""Reading `.safetensors`: eight bytes of length, a header in JSON, the arrays' bytes behind it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8"}
LARGEST_HEADER = 100_000_000


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name; bfloat16 becomes float32, as NumPy has no such type.

    Raises:
        ValueError: the file is not of this form; the text says in what.
    """
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, LARGEST_HEADER):
        raise ValueError("its header is longer than the file")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        raise ValueError("its header is no JSON") from None
    if not isinstance(header, dict):
        raise ValueError("its header names no arrays")
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    body = memoryview(data)[8 + length :]
    arrays = {name: _array(name, entry, body) for name, entry in entries.items()}
    spans = sorted(entry["data_offsets"] for entry in entries.values())
    ends = [0, *(end for _, end in spans)]
    if [begin for begin, _ in spans] != ends[:-1] or ends[-1] != len(body):
        raise ValueError("its arrays overlap, or leave bytes between or behind them")
    return arrays


def _array(name: str, entry: Any, body: memoryview) -> np.ndarray:
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        sound = all(type(number) is int and number >= 0 for number in (*shape, begin, end))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"it describes {name!r} otherwise than by dtype, shape and data_offsets") from None
    if dtype not in DTYPES:
        raise ValueError(f"{name!r} is of type {dtype}, of which only {', '.join(DTYPES)} are read")
    size = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize if sound else -1
    if not sound or not begin <= end <= len(body) or end - begin != size:
        raise ValueError(f"{name!r} has bytes {begin} to {end}, which do not hold {dtype} of shape {shape}")
    array = np.frombuffer(body[begin:end], DTYPES[dtype]).reshape(shape)
    return (array.astype("<u4") << 16).view("<f4") if dtype == "BF16" else array
