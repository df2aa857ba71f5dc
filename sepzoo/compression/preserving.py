"""What pruning and clustering made of kernels, kept while these are trained: zeros, and weights that are equal."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
from keras import ops

from sepzoo.layers.fake_quantization import QuantizedKernel
from sepzoo.layers.keras_convolutions import DEPTHWISE
from sepzoo.support.types import Tensor, Variable

_FEW = 0.5
"""Of as many values as weights: a kernel with fewer was clustered as a whole."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Kernel:
    """A kernel whose weights stay zero, or equal to each other.

    Attributes:
        variable: the kernel.
        group: of each weight, as a number.
        share: what each weight contributes to its group's mean; 0 of a group that stays zero.
    """

    variable: Variable
    group: Tensor
    share: Tensor

    def restore(self) -> None:
        """Give each weight its group's mean."""
        weights = ops.reshape(ops.convert_to_tensor(self.variable), (-1,)) * self.share
        means = ops.segment_sum(weights, self.group, num_segments=int(self.share.shape[0]))
        self.variable.assign(ops.reshape(ops.take(means, self.group), self.variable.shape))


def restorers(model: keras.Model) -> list[_Kernel]:
    """Return the kernels of a network that rounds which have zeros or equal weights, as they are now.

    Weights are equal within the whole kernel, or, where the batch norm behind it was folded, within a channel.

    Example:
        >>> layer = QuantizedKernel(keras.layers.Dense(2, use_bias=False))
        >>> model = keras.Sequential([keras.Input((3,)), layer])
        >>> layer.layer.set_weights([np.array([[0.0, 1.0], [2.0, 1.0], [3.0, 5.0]])])
        >>> [found] = restorers(model)
        >>> layer.layer.set_weights([np.array([[0.5, 1.0], [2.5, 2.0], [3.0, 5.0]])])
        >>> found.restore()
        >>> layer.layer.get_weights()[0].tolist()
        [[0.0, 1.5], [2.5, 1.5], [3.0, 5.0]]
    """
    kernels = [layer.layer for layer in model.layers if isinstance(layer, QuantizedKernel)]
    found = [restorer(layer.kernel, type(layer)) for layer in kernels]
    return [each for each in found if each is not None]


def restorer(variable: Variable, kind: type) -> _Kernel | None:
    """Return a kernel that has zeros or equal weights, as they are now, or None.

    Args:
        variable: the kernel.
        kind: the class of its layer.
    """
    kernel = np.asarray(ops.convert_to_numpy(variable))
    group, counts = _groups(kernel, kind)
    zero = kernel.ravel() == 0
    if not zero.any() and counts.max() == 1:
        return None
    share = np.where(zero, 0, 1 / counts[group]).astype("float32")
    return _Kernel(variable, ops.convert_to_tensor(group.astype("int32")), ops.convert_to_tensor(share))


def _groups(kernel: np.ndarray, kind: type) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each weight's group, and how many weights each group has."""
    values, group, counts = np.unique(kernel, return_inverse=True, return_counts=True)
    if values.size <= _FEW * kernel.size:
        return group.ravel(), counts
    depthwise = kind in DEPTHWISE
    channels = int(np.prod(kernel.shape[-2:])) if depthwise else kernel.shape[-1]
    channel = np.broadcast_to(np.arange(channels), (kernel.size // channels, channels)).ravel()
    pairs = np.stack([channel, group.ravel()], axis=1)
    _, group, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    return group.ravel(), counts
