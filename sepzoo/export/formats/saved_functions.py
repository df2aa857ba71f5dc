"""SavedModels of functions alone: what a network computes, without the network's own objects.

TensorFlow traces and stores every function that a saved object knows, and reads all of them again. Keras's own
`ExportArchive` looks for them in the whole model. A converter needs the one function that it was asked for: saved so,
the same network makes the same `.tflite` bytes in half the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras

from sepzoo.support.types import TfFunction


def save_functions(functions: Mapping[str, TfFunction], model: keras.Model, path: Path) -> None:
    """Write a SavedModel folder whose signatures are these functions.

    Args:
        functions: traced for one signature each; their names are those of the signatures.
        model: the network that they call: the tables that its layers look things up in are saved too.
        path: of the folder.
    """
    import tensorflow as tf

    saved = tf.Module()
    found = {id(variable): variable for each in functions.values() for variable in each.variables}
    saved.read = sorted(found.values(), key=lambda variable: variable.name)  # TensorFlow keeps them in a set
    parts = tf.train.TrackableView(model).descendants()
    saved.tables = [part for part in parts if isinstance(part, tf.saved_model.experimental.TrackableResource)]
    tf.saved_model.save(saved, str(path), signatures=dict(functions))
