"""Python's garbage collector, which has nothing to find while a network is built."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Pause garbage collection within the block; memory without references is still freed at once.

    A network is some hundred thousand objects, all there to stay, and each collection walks over those of TensorFlow
    too: over 40 networks it took four tenths of the time of `build`.

    Example:
        >>> with collector_paused():
        ...     gc.isenabled()
        False
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
