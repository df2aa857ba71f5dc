"""Start Keras in the process of a command, which is set for it: without greeting, and fast on a processor."""

from __future__ import annotations

from pathlib import Path

from sepzoo.support import greeting
from sepzoo.support.processor import set_for_processor


def start_keras() -> None:
    """Import Keras and its backend, once a process."""
    set_for_processor()
    greeting.start_keras()


def start_for(data: str) -> None:
    """Let TensorFlow start in silence where a data set needs it: TFDS reads with it, folders and digits do without."""
    if data != "digits" and not Path(data).expanduser().exists():
        start_keras()
