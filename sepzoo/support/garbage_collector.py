"""Python's garbage collector, which has nothing to find while a network is built, nor in what an import made."""

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


def keep_imports() -> None:
    """Leave all that is there out of every later collection, in a process of our own that has just imported Keras.

    The first collections after it walk over half a million objects of TensorFlow three times, and TFLite's converter
    asks for another walk after each network. What a program drops later must not be among them: it would stay if it
    refers to itself. So no library calls this in the process of its user.
    """
    gc.freeze()
