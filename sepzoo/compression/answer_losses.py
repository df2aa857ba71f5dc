"""What each answer of a network is held to while it learns from another network."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.layers.relative_error import RelativeError
from sepzoo.records.outputs import Output

_LOSSES = {
    "softmax": keras.losses.KLDivergence,
    "sigmoid": keras.losses.BinaryCrossentropy,
    "multilabel": keras.losses.BinaryCrossentropy,
}
"""What each kind of output is held to; any other by its mean squared error."""


def answer_losses(outputs: Sequence[Output], given: Sequence[np.ndarray]) -> list[keras.losses.Loss]:
    """Return for each output the loss between what it ought to give and what it gives.

    Args:
        outputs: of the network.
        given: what it gives for some samples, which sets the unit of values.

    Example:
        >>> losses = answer_losses([Output("softmax"), Output("values")], [np.full((4, 2), 0.5), np.arange(4.0)])
        >>> [loss.name for loss in losses]
        ['kl_divergence', 'relative_error']
    """
    return [
        _LOSSES[output.kind]() if output.kind in _LOSSES else RelativeError(variance(each))
        for output, each in zip(outputs, given, strict=True)
    ]


def variance(values: np.ndarray) -> float:
    """Return the mean variance of the numbers that a network gives, (samples, ...); 1 where all are constant.

    Example:
        >>> variance(np.array([[0.0, 100.0], [2.0, 100.0]]))
        0.5
    """
    return float(np.mean(np.var(values, axis=0))) or 1.0
