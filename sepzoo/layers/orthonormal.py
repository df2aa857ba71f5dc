"""The orthonormal penalty of BSConv-S, on the kernel that it acts on."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


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

    def __init__(self, strength: float = 0.1, plus: Any = None) -> None:
        self.strength = float(strength)
        self.plus = keras.regularizers.get(plus)

    def __call__(self, kernel: Any) -> Any:
        """Return the penalty for a kernel of shape (…, inputs, outputs)."""
        matrix = ops.reshape(ops.cast(kernel, "float32"), (-1, kernel.shape[-1]))
        gram = ops.matmul(ops.transpose(matrix), matrix)
        distance = ops.sum(ops.square(gram - ops.eye(kernel.shape[-1], dtype=gram.dtype)))
        # The root has no finite slope at 0, where an orthonormal start would stand.
        penalty = self.strength * ops.sqrt(distance + 1e-12)
        return penalty if self.plus is None else penalty + self.plus(kernel)

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs."""
        return {"strength": self.strength, "plus": keras.regularizers.serialize(self.plus) if self.plus else None}
