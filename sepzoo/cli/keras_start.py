"""Start Keras without TensorFlow's greeting."""

from __future__ import annotations

from pathlib import Path

from sepzoo.support.greeting import start_keras

__all__ = ["start_for", "start_keras"]


def start_for(data: str) -> None:
    """Let TensorFlow start in silence where a data set needs it: TFDS reads with it, folders and digits do without."""
    if data != "digits" and not Path(data).expanduser().exists():
        start_keras()
