"""How far a network's answers are from others: Kullback-Leibler divergence of class scores, squared error of values."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from sepzoo.compression.answer_losses import variance
from sepzoo.export.comparison import kl_divergence
from sepzoo.inference.probabilities import probabilities
from sepzoo.layers.graph import graph_of
from sepzoo.records.outputs import Output
from sepzoo.support.types import Tensor
from sepzoo.surgery.walk.model_inputs import ModelInputs

BATCH = 128
SMALLEST = 1e-7
"""Added to probabilities before the root is taken, whose slope has no end at 0."""


def answers(model: keras.Model, inputs: ModelInputs) -> list[np.ndarray]:
    """Return all outputs of a model for samples, in double precision."""
    batches = []
    for start in range(0, len(inputs), BATCH):
        given = keras.tree.pack_sequence_as(graph_of(model).input, inputs[start : start + BATCH].tensors())
        with keras.StatelessScope():
            found = model(given, training=False)
        batches.append([np.asarray(ops.convert_to_numpy(each), "float64") for each in keras.tree.flatten(found)])
    return [np.concatenate(each) for each in zip(*batches, strict=True)]


def divergence(outputs: Sequence[Output], right: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    """Return the mean divergence of answers from the right ones, summed over the outputs, in nats.

    Of values it is half their squared error as a share of the variance: that of Gaussians of this variance.

    Example:
        >>> right, found = np.array([[0.5, 0.5]]), np.array([[0.9, 0.1]])
        >>> round(divergence([Output("softmax")], [right], [found]), 4)
        0.5108
    """
    return sum(_of_output(*each) for each in zip(outputs, right, found, strict=True))


def _of_output(output: Output, right: np.ndarray, found: np.ndarray) -> float:
    if not output.scores:
        right, found = (each.reshape(len(each), -1) for each in (right, found))
        return float(np.mean(np.sum((right - found) ** 2, axis=1)) / (2 * variance(right)))
    right, found = (probabilities(each, output.kind) for each in (right, found))
    return kl_divergence(right, found, independent=output.kind == "multilabel")


def half_way(output: Output, given: Tensor, scale: float) -> Tensor:
    """Return coordinates in which half the squared change of an output is its divergence, for small changes.

    Of probabilities p they are 2 sqrt(p): so the squared gradients in random directions are the Fisher information.

    Args:
        output: what is given.
        given: the output of a batch.
        scale: the variance of values, from the samples.
    """
    values = ops.reshape(ops.cast(given, "float32"), (given.shape[0], -1))
    if not output.scores:
        return values / float(np.sqrt(scale))
    if output.kind == "logits":
        values = ops.softmax(values, axis=-1) if values.shape[1] > 1 else ops.sigmoid(values)
    if output.kind != "softmax" and not (output.kind == "logits" and values.shape[1] > 1):
        values = ops.concatenate([values, 1.0 - values], axis=1)
    return 2.0 * ops.sqrt(values + SMALLEST)
