"""The hard sigmoid of Keras 2."""

from __future__ import annotations

from sepzoo.support.types import Tensor


def hard_sigmoid_keras2(x: Tensor) -> Tensor:
    """Return clip(x / 5 + 1/2, 0, 1), any shape; Keras 3's `hard_sigmoid` is clip(x / 6 + 1/2, 0, 1).

    Files of Keras 2 mean this one. `import sepzoo` registers it with Keras.

    Example:
        >>> import numpy as np
        >>> np.asarray(hard_sigmoid_keras2(np.array([-3.0, 0.0, 2.5], "float32"))).tolist()
        [0.0, 0.5, 1.0]
    """
    from keras import ops  # Keras registers this function before any of our modules may import Keras

    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)
