"""ONNX files: operators, tensors, and what in them would read other files."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

from sepzoo.artifact.inspection.onnx_graph import read_onnx
from sepzoo.artifact.inspection.records import Inspection, Layer
from sepzoo.support.bounds import BOUNDS

_KNOWN = ("", "ai.onnx.ml", "com.microsoft")
"""Sets of operators that ONNX Runtime has by itself."""
_READING = ("EPContext",)
"""Operators that open a file which they name."""


def read_onnx_file(path: Path, found: Inspection) -> Inspection:
    """Return what is in an ONNX file.

    Raises:
        ValueError: it is damaged, or larger than `BOUNDS` allows.
    """
    if found.bytes > BOUNDS.unpacked // 2:  # protocol buffers end at 2 GiB
        raise ValueError(f"it has {found.bytes:,} bytes, of which 2 GiB are allowed")
    content = read_onnx(path.read_bytes())
    BOUNDS.check_unpacked(sum(array.bytes for array in content.arrays), found.bytes)
    counts = Counter((node.kind, node.domain) for node in content.nodes)
    foreign = sorted({node.domain for node in content.nodes} - set(_KNOWN))
    return dataclasses.replace(
        found,
        layers=tuple(Layer(f"{count} times", kind, domain) for (kind, domain), count in counts.most_common()),
        arrays=content.arrays,
        reads_files=(
            *(f"tensor {name!r} in another file" for name in content.external),
            *(f"operator {kind}" for kind, _ in sorted(counts) if kind in _READING),
        ),
        custom=tuple(f"operators of {domain}" for domain in foreign),
    )
