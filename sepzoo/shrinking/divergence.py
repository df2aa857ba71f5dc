"""How far a network's answers are from others: Kullback-Leibler divergence of class scores, squared error of values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from sepzoo.compression.answer_losses import variance
from sepzoo.export.comparison import kl_divergences
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


@dataclasses.dataclass(frozen=True, eq=False)
class Distance:
    """How far answers are from the right ones.

    Attributes:
        divergences: of each sample, in nats, summed over the outputs.
        agreement: share of the answers that name the same class; 1 where none names any.
    """

    divergences: np.ndarray
    agreement: float

    @property
    def divergence(self) -> float:
        """The mean divergence; it is never less than none but by rounding."""
        return max(0.0, float(np.mean(self.divergences)))

    def is_beyond(self, other: Distance) -> bool:
        """Return whether the divergences are larger than others for the same samples by more than chance: one error.

        Args:
            other: of the same samples.

        Example:
            >>> near, far = Distance(np.array([0.1, 0.2, 0.3]), 1.0), Distance(np.array([0.2, 0.3, 0.5]), 1.0)
            >>> far.is_beyond(near), near.is_beyond(far), near.is_beyond(near)
            (True, False, False)
        """
        more = self.divergences - other.divergences
        return float(np.mean(more)) > float(np.std(more)) / math.sqrt(max(1, len(more) - 1))


def divergence(outputs: Sequence[Output], right: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    """Return the mean divergence of answers from the right ones, see `distance`.

    Example:
        >>> right, found = np.array([[0.5, 0.5]]), np.array([[0.9, 0.1]])
        >>> round(divergence([Output("softmax")], [right], [found]), 4)
        0.5108
    """
    return distance(outputs, right, found).divergence


def distance(outputs: Sequence[Output], right: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> Distance:
    """Return how far answers are from the right ones.

    Of values it is half their squared error as a share of the variance: that of Gaussians of this variance.

    Example:
        >>> right, found = np.array([[0.5, 0.5]]), np.array([[0.9, 0.1]])
        >>> distance([Output("softmax")], [right], [found]).divergences.round(4).tolist()
        [0.5108]
    """
    each = [_of_output(*one) for one in zip(outputs, right, found, strict=True)]
    named = [one.agreement for output, one in zip(outputs, each, strict=True) if output.scores]
    return Distance(np.sum([one.divergences for one in each], axis=0), float(np.mean(named)) if named else 1.0)


def _of_output(output: Output, right: np.ndarray, found: np.ndarray) -> Distance:
    if not output.scores:
        right, found = (each.reshape(len(each), -1) for each in (right, found))
        return Distance(np.sum((right - found) ** 2, axis=1) / (2 * variance(right)), 1.0)
    right, found = (probabilities(each, output.kind) for each in (right, found))
    independent = output.kind == "multilabel"
    named = (each > 0.5 if independent else each.argmax(axis=1) for each in (right, found))
    return Distance(kl_divergences(right, found, independent=independent), float(np.mean(np.equal(*named))))


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
