"""Python's garbage collector, which walks over all of TensorFlow to find nothing."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

OF_PYTHON = 1000
"""More objects than Python 3.12 freezes of its own."""


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Pause garbage collection within the block; memory without references is still freed at once.

    A network is some hundred thousand objects, all there to stay, and each collection walks over those of TensorFlow
    too: over 40 networks it took four tenths of the time of `build`. After the block its objects count as old ones, so
    that the next collections, which look for young garbage, don't walk over all of them.

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
            if _nothing_frozen():
                gc.freeze()
                gc.unfreeze()  # to the oldest generation
            gc.enable()


@contextlib.contextmanager
def collector_spared() -> Iterator[None]:
    """Leave all that is there out of the collections of the block, for libraries that call for them by themselves.

    TensorFlow's converter does after each network, and one walk over what its import made takes half as long as a small
    network's conversion. What the block makes is still collected. Where objects are frozen already, nothing is changed.

    Example:
        >>> with collector_spared():
        ...     gc.get_freeze_count() > 0
        True
    """
    ours = _nothing_frozen()
    if ours:
        gc.freeze()
    try:
        yield
    finally:
        if ours:
            gc.unfreeze()


def _nothing_frozen() -> bool:
    """Return whether no one but Python itself has frozen objects, so that unfreezing them undoes no one's work."""
    return gc.get_freeze_count() < OF_PYTHON
