"""Settings of a process with which libraries compute faster on a processor than as they are installed."""

from __future__ import annotations

import ctypes
import functools
import os
import platform

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
"""The numbers that `malloc.h` has for what can be set."""
_SETTINGS = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**26, _ARENA_MAX: 1}


def set_for_processor() -> None:
    """Let this process keep the memory that it frees, and let TensorFlow compute by oneDNN's kernels.

    TensorFlow has these on all x86 processors, and switches them on by itself only where there is AVX512 with products
    of integers. With AVX2 alone a training step of a small network takes half as long by them; sums are added up in
    another order. It must be said before TensorFlow is imported. What the environment says (`TF_ENABLE_ONEDNN_OPTS=0`)
    stays.

    The command line does this, but for `compress` and `shrink`, which train Keras's own layers: of TensorFlow 2.21 with
    AVX2 alone the gradient of a 1 x 1 convolution with strides over fewer than 8 channels (on images, as in RepVGG and
    MobileOne) ends the process by these kernels. Call it first in a program of your own that trains, with a network of
    `sepzoo.surgery.accelerate`. Without these kernels TensorFlow has no convolution with channels first, and no
    depthwise one whose strides differ.

    Example:
        >>> set_for_processor()
        >>> os.environ["TF_ENABLE_ONEDNN_OPTS"] in "01"
        True
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    keep_freed_memory()


@functools.cache
def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, for what it allocates next.

    By default glibc gives every large block back to the system as soon as it is free. Each step of a training then gets
    its tensors as pages that the system has to clear again, tens of thousands of them, which takes a sixth of the step
    of a small network and more. What is kept is at most what was in use at once; one arena for all threads makes it
    less, not more. `sepzoo.training.fit` does this. Nothing changes where the environment has settings of its own
    (`MALLOC_…`, `GLIBC_TUNABLES`).

    Returns:
        Whether it could be told: on Linux with glibc.

    Example:
        >>> keep_freed_memory() in (True, False)
        True
    """
    told = "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "") or any(
        name.startswith("MALLOC_") for name in os.environ
    )
    if told or platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    taken = [library.mallopt(what, value) for what, value in _SETTINGS.items()]
    return all(each == 1 for each in taken)
