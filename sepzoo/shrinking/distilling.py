"""A network that was made smaller learns to answer as the original does; no labels are needed."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.records.outputs import Output
from sepzoo.shrinking.divergence import answers, divergence, variances
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import counted
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.rewriting import rewrite
from sepzoo.training.distilling import rewritten_blocks

BATCH = 64
RATE = 1e-4
COMPARED = 512
"""Samples on which the epochs are compared; they are not trained on where there are twice as many."""
_LOSSES = {
    "softmax": keras.losses.KLDivergence,
    "sigmoid": keras.losses.BinaryCrossentropy,
    "multilabel": keras.losses.BinaryCrossentropy,
}
"""What each kind of output is held to; any other by its mean squared error."""


def distilled(
    student: keras.Model,
    teacher: keras.Model,
    inputs: ModelInputs,
    outputs: Sequence[Output],
    *,
    epochs: int,
    seed: int = 0,
) -> tuple[keras.Model, tuple[float, ...]]:
    """Train a network on the answers of another one, and on what the blocks give that both have.

    Adam, with a rate that falls to zero along a cosine. Of all epochs, and the network as it was, the one stays whose
    answers are nearest.

    Args:
        student: which is only read.
        teacher: of which it was made by surgery.
        inputs: samples as both take them.
        outputs: what they give.
        epochs: how often each sample is seen.
        seed: decides the order.

    Returns:
        The trained network, and the divergence before and after each epoch, in nats.

    Raises:
        SepzooError: the loss is no longer a finite number.
    """
    network = rewrite(student, lambda site: None)[0]
    learner, lessons, losses = _lessons(network, teacher, outputs, inputs)
    random = np.random.default_rng(seed)
    order = random.permutation(len(inputs))
    held = _chosen(inputs, order[:COMPARED])
    trained = order[COMPARED:] if len(order) >= 2 * COMPARED else order
    rate = keras.optimizers.schedules.CosineDecay(RATE, max(epochs * -(-len(trained) // BATCH), 1))
    learner.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), losses, jit_compile=False)
    right = answers(teacher, held)
    told, best = [divergence(outputs, right, answers(network, held))], network.get_weights()
    for epoch in range(epochs):
        shuffled = random.permutation(trained)
        starts = range(0, len(shuffled), BATCH)
        for start in counted(starts, len(starts), f"batches of epoch {epoch + 1} of {epochs}"):
            batch = _chosen(inputs, shuffled[start : start + BATCH]).tensors()
            found = learner.train_on_batch(batch, lessons.predict_on_batch(batch))
            if not np.isfinite(np.ravel(found)[0]):
                raise SepzooError(
                    f"expected a finite loss. Received: {np.ravel(found)[0]} in epoch {epoch + 1} of distillation. "
                    "Leave distillation out."
                )
        told.append(divergence(outputs, right, answers(network, held)))
        best = network.get_weights() if told[-1] == min(told) else best
    network.set_weights(best)
    return network, tuple(told)


def _lessons(
    network: keras.Model, teacher: keras.Model, outputs: Sequence[Output], inputs: ModelInputs
) -> tuple[keras.Model, keras.Model, list[object]]:
    """Return both networks with the outputs of their common blocks, and the losses."""
    blocks = [
        name
        for name in rewritten_blocks(network, teacher)
        if network.get_layer(name).output.shape == teacher.get_layer(name).output.shape
    ]
    few = inputs[:BATCH]
    both = [
        keras.Model(model.inputs, [*model.outputs, *(model.get_layer(name).output for name in blocks)])
        for model in (network, teacher)
    ]
    given = answers(both[1], few)
    losses: list[object] = [
        _LOSSES[output.kind]() if output.kind in _LOSSES else _squared(variance)
        for output, variance in zip(outputs, variances(given[: len(outputs)]), strict=True)
    ]
    return *both, [*losses, *(_squared(each * max(len(blocks), 1)) for each in variances(given[len(outputs) :]))]


def _squared(scale: float) -> object:
    def loss(right: object, found: object) -> object:
        return keras.ops.mean(keras.ops.square(right - found), axis=-1) / scale  # type: ignore[operator]

    return loss


def _chosen(inputs: ModelInputs, places: np.ndarray) -> ModelInputs:
    return ModelInputs(tuple(each[places] for each in inputs.arrays))
