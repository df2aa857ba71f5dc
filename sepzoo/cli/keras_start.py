"""Start Keras without TensorFlow's greeting, in the process of a command."""

from __future__ import annotations

import functools
from pathlib import Path

from sepzoo.support import greeting
from sepzoo.support.garbage_collector import collector_paused, keep_imports


@functools.cache
@collector_paused()
def start_keras() -> None:
    """Start it once; the process is the command's own, so what that makes may stay."""
    greeting.start_keras()
    keep_imports()


def start_for(data: str) -> None:
    """Let TensorFlow start in silence where a data set needs it: TFDS reads with it, folders and digits do without."""
    if data != "digits" and not Path(data).expanduser().exists():
        start_keras()


def start_for_network(text: str) -> None:
    """Start Keras in silence once it is seen that there is such a network: what is misspelt is said at once.

    Args:
        text: a network's name, a `.keras` or `.h5` file, or a folder, which is looked into later.

    Raises:
        SepzooError: no network has this name, or no Keras model is in this file.
    """
    from sepzoo.artifact.model_format import keras_format
    from sepzoo.catalog.model_paths import names_file
    from sepzoo.catalog.registry import find

    path = Path(text).expanduser()
    if not names_file(text):
        find(text)
    elif not path.is_dir():
        keras_format(path)
    start_keras()
