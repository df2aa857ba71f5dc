"""Keep back what TensorFlow's C++ code prints while it is imported, before any setting can stop it."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Iterator

from sepzoo.support.garbage_collector import collector_paused

STDERR = 2
INFORMATION = re.compile(
    r"WARNING: All log messages before absl::InitializeLog\(\)"
    r"|I\d{4} [\d:.]+ +\d+ \S+\.cc:\d+\]"
    r"|To enable the following instructions:"
)
NO_GPU = re.compile(r"E\d{4} [\d:.]+ +\d+ \S+\.cc:\d+\] failed call to cuInit")
GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg")
"""What Linux, and Windows's Linux, show where there is an NVIDIA GPU."""


def is_greeting(line: str) -> bool:
    """Return whether a line of the log is mere information, or says that a machine without a GPU has none.

    Example:
        >>> is_greeting("I0000 00:00:1795704891.528329   18677 cudart_stub.cc:31] Could not find cuda drivers")
        True
        >>> is_greeting("E0000 00:00:1795704891.528329   18677 cuda_dnn.cc:31] No room for cuDNN")
        False
    """
    return bool(INFORMATION.match(line) or (NO_GPU.match(line) and not any(map(os.path.exists, GPU_DEVICES))))


@contextlib.contextmanager
def without_greeting() -> Iterator[None]:
    """Hold standard error back within the block; when it ends, all but the greeting is written there."""
    import tempfile

    from sepzoo.support.quiet import held_descriptors

    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as file:
        try:
            with held_descriptors(file, STDERR):
                yield
        finally:
            file.seek(0)
            rest = "".join(line for line in file if not is_greeting(line))
            if rest:
                os.write(STDERR, rest.encode())


@functools.cache
@collector_paused()
def start_keras() -> None:
    """Import Keras and let its backend find its devices, without the greeting; once a process."""
    from sepzoo.support.progress import announced

    with announced("starting Keras and its backend", terminal_only=True), without_greeting():
        import keras

        keras.ops.ones(())
