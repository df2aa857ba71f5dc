"""The orthonormal penalty of BSConv-S: on the kernel that it acts on, and in the summary of a model that has it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from sepzoo.layers.graph import behind
from sepzoo.support.types import Config, Regularizer, Tensor, Variable


@keras.saving.register_keras_serializable("sepzoo")
class OrthonormalRegularizer(keras.regularizers.Regularizer):
    """Penalty `strength * ||W W^T - I||` (Frobenius norm, not squared) on a 1 x 1 kernel, W being (outputs x inputs).

    BSConv-S keeps its first pointwise kernel near-orthonormal by it, MobileNetV2/V3 the linear projections
    (BSConv, sec. 3.3; the authors' program takes the plain norm and 0.1).

    Args:
        strength: factor of the penalty.
        plus: another regularizer whose penalty is added, or None.

    Example:
        >>> import numpy as np
        >>> penalty = OrthonormalRegularizer(strength=0.1)
        >>> round(float(penalty(np.eye(4, dtype="float32").reshape(1, 1, 4, 4))), 4)
        0.0
        >>> round(float(penalty(np.zeros((1, 1, 4, 4), "float32"))), 4)
        0.2
    """

    def __init__(self, strength: float = 0.1, plus: Regularizer = None) -> None:
        self.strength = float(strength)
        self.plus = keras.regularizers.get(plus)

    def __call__(self, kernel: Tensor) -> Tensor:
        """Return the penalty for a kernel of shape (…, inputs, outputs)."""
        matrix = ops.reshape(ops.cast(kernel, "float32"), (-1, kernel.shape[-1]))
        gram = ops.matmul(ops.transpose(matrix), matrix)
        distance = ops.sum(ops.square(gram - ops.eye(kernel.shape[-1], dtype=gram.dtype)))
        # The root has no finite slope at 0, where an orthonormal start would stand.
        penalty = self.strength * ops.sqrt(distance + 1e-12)
        return penalty if self.plus is None else penalty + self.plus(kernel)

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        return {"strength": self.strength, "plus": keras.regularizers.serialize(self.plus) if self.plus else None}


@keras.saving.register_keras_serializable("sepzoo")
class OrthonormalModel(keras.Model):
    """Functional model whose `summary()` names the kernels that bear the orthonormal penalty, behind Keras's table.

    MobileNetV2 and V3 `_bsconvs_p1d6` differ from the plain networks by that penalty alone, and Keras shows no
    regularizers. In all else it is Keras's functional model. It bears that one's class name, on which paths in weight
    files hang, so they fit the plain network too. Where it is nested in another model, the outer summary has one row
    for it; ask for its own. From a whole model in Keras's old `.h5` form a plain functional model comes back.

    Example:
        >>> image = keras.Input((8, 8, 3))
        >>> conv = keras.layers.Conv2D(4, 1, kernel_regularizer=OrthonormalRegularizer(), name="project")
        >>> model = functional(image, conv(image), name="tiny")
        >>> lines = []
        >>> model.summary(print_fn=lines.append)
        >>> print(lines[-1])
         Orthonormal penalty 0.1 ||W W^T - I|| on 1 kernel: project
    """

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], object] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print Keras's summary, then for each strength of the penalty the layers whose trainable kernels bear it."""
        super().summary(line_length, positions, print_fn, expand_nested, show_trainable, layer_range)
        names: dict[float, list[str]] = {}
        for kernel in orthonormal_kernels(self):
            names.setdefault(kernel.regularizer.strength, []).append(kernel.path.rpartition("/")[0])
        for strength, layers in names.items():
            kernels = "1 kernel" if len(layers) == 1 else f"{len(layers)} kernels"
            text = f"Orthonormal penalty {strength:g} ||W W^T - I|| on {kernels}: {', '.join(layers)}"
            lines = textwrap.wrap(text, line_length or 88, initial_indent=" ", subsequent_indent="   ")
            (print_fn or print)("\n".join(lines))


OrthonormalModel.__name__ = "Functional"


def orthonormal_kernels(model: keras.Model) -> list[Variable]:
    """Return the trainable kernels of a model that bear the orthonormal penalty."""
    return [weight for weight in model.trainable_weights if isinstance(weight.regularizer, OrthonormalRegularizer)]


def functional(inputs: Tensor, outputs: Tensor, **settings: Any) -> keras.Model:
    """Return `keras.Model(inputs, outputs)`, as an `OrthonormalModel` if there is something for its summary to tell."""
    operations = (origin.operation for _tensor, origin in behind(keras.tree.flatten(outputs)))
    weights = (weight for operation in operations for weight in getattr(operation, "weights", ()))
    borne = any(isinstance(weight.regularizer, OrthonormalRegularizer) for weight in weights)
    return (OrthonormalModel if borne else keras.Model)(inputs, outputs, **settings)
