"""Names of models and layers that TensorFlow refuses as a scope: spaces, brackets, accents, a leading underscore."""

from __future__ import annotations

import re

import keras

from sepzoo.layers.cloning import parts_of


def scope_name(name: str) -> str:
    """Return a name that TensorFlow takes wherever it stands: letters, digits, `_`, `.` and `-`.

    Example:
        >>> scope_name("my model (v2)"), scope_name("_stem"), scope_name("é")
        ('my_model__v2_', 'stem', 'layer')
    """
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name).lstrip("_.-") or "layer"


def give_scopes(model: keras.Model) -> None:
    """Let a model, and every layer within, whose name TensorFlow refuses run in a scope of `scope_name`.

    Names, paths of variables and files stay as they are: the scopes are seen in TensorFlow's graphs alone. It may be
    called again.

    Args:
        model: gets nothing else.

    Example:
        >>> inputs = keras.Input((8,))
        >>> model = keras.Model(inputs, keras.layers.Dense(2, name="my layer")(inputs), name="my model (v2)")
        >>> give_scopes(model)
        >>> model.name, model.layers[1].name, model.predict(keras.ops.ones((1, 8)), verbose=0).shape
        ('my model (v2)', 'my layer', (1, 2))
    """
    for layer in parts_of(model):
        if scope_name(layer.name) != layer.name:
            # Keras asks the layer for its scope, and has no public way to say another. It has been built by now, so
            # that its path is known and nothing but the graph sees this name.
            layer._open_name_scope = _Scope(scope_name(layer.name))


class _Scope:
    """What opens a scope; of a class of its own, so that a copy of the layer copies it too."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self) -> keras.name_scope:
        return keras.name_scope(self.name)
