"""The signatures of a `.tflite` file that takes several numbers of samples at a time."""

from __future__ import annotations

import re

FIRST = "serving_default"
"""The signature of one sample; by its name it comes first, and others' programs read the first graph alone."""

_BATCH = re.compile(rf"{FIRST}_batch(\d+)")


def signature_name(batch_size: int) -> str:
    """Return what the signature of a number of samples is called.

    Example:
        >>> signature_name(1), signature_name(8)
        ('serving_default', 'serving_default_batch8')
    """
    return FIRST if batch_size == 1 else f"{FIRST}_batch{batch_size}"


def batch_size_of(name: str) -> int | None:
    """Return how many samples the signature of a name takes; None where the name doesn't say it.

    Example:
        >>> batch_size_of("serving_default_batch8"), batch_size_of("serving_default"), batch_size_of("train")
        (8, 1, None)
    """
    found = _BATCH.fullmatch(name)
    return int(found[1]) if found else 1 if name == FIRST else None
