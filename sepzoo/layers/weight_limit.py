"""A limit on the weights that Keras allocates: what a configuration asks for is known only as it is built."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import math
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras

from sepzoo.support.errors import SepzooError

_LEFT: contextvars.ContextVar[_Allowance | None] = contextvars.ContextVar("left", default=None)
_LOCK = threading.Lock()
_OPEN: list[Callable[..., None]] = []
"""The constructor of Keras's variables as it was, once for each block that is open."""


class _Allowance:
    """How many bytes a block may allocate, and how many it did."""

    def __init__(self, limit: int) -> None:
        self.limit, self.taken = limit, 0

    def take(self, size: int) -> None:
        self.taken += size
        if self.taken > self.limit:
            raise SepzooError(
                f"expected weights of at most {self.limit:,} bytes. Received: layers that ask for {self.taken:,}, or "
                "more. Build fewer or smaller ones."
            )


@contextlib.contextmanager
def limited_weights(limit: int | None) -> Iterator[None]:
    """Refuse, within the block and in its thread, Keras variables that have more than `limit` bytes together.

    Each variable is counted before it is allocated. Other threads build what they like.

    Args:
        limit: in bytes; None for none.

    Raises:
        SepzooError: from within the block, by the variable that goes over the limit.

    Example:
        >>> with limited_weights(1000):
        ...     keras.layers.Dense(1000).build((None, 1000))
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: expected weights of at most 1,000 bytes. Received: layers that ask for 4,000,000, ...
    """
    if limit is None:
        yield
        return
    token = _LEFT.set(_Allowance(limit))
    _count_variables()
    try:
        yield
    finally:
        _stop_counting()
        _LEFT.reset(token)


def _count_variables() -> None:
    """Let Keras's variables be counted until the last block ends: the class is one for all threads."""
    with _LOCK:
        original = _OPEN[0] if _OPEN else keras.Variable.__init__
        if not _OPEN:
            keras.Variable.__init__ = _counted(original)
        _OPEN.append(original)


def _stop_counting() -> None:
    with _LOCK:
        original = _OPEN.pop()
        if not _OPEN:
            keras.Variable.__init__ = original


def _counted(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def make(self: Any, initializer: Any, shape: Any = None, dtype: Any = None, *args: Any, **kwargs: Any) -> None:
        left = _LEFT.get()
        if left is not None and shape is not None:
            left.take(_bytes(shape, dtype))
        original(self, initializer, shape, dtype, *args, **kwargs)

    return make


def _bytes(shape: Any, dtype: Any) -> int:
    """Return how many bytes a variable has; 0 where its shape is none, which Keras refuses by itself."""
    try:
        values = math.prod(max(0, int(length)) for length in shape)
    except (TypeError, ValueError, OverflowError):
        return 0
    bits = re.search(r"\d+$", keras.backend.standardize_dtype(dtype))
    return -(-values * (int(bits[0]) if bits else 8) // 8)
