"""A network that was made smaller learns to answer as the original does; no labels are needed."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.compression.answer_losses import answer_losses, variance
from sepzoo.layers.relative_error import RelativeError
from sepzoo.records.outputs import Output
from sepzoo.shrinking.divergence import answers, divergence
from sepzoo.shrinking.kept_work import NOTHING_KEPT, KeptWork, Steps
from sepzoo.support.batches import equal_batches
from sepzoo.support.errors import SepzooError
from sepzoo.support.processor import keep_freed_memory
from sepzoo.support.progress import counted
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.rewriting import rewrite
from sepzoo.training.distilling import rewritten_blocks

BATCH = 64
RATE, LEAST_RATE = 2e-3, 2e-4
"""The largest share of a kernel's length that a step changes: where answers are far, and where they are nearest."""
FAR = 0.2
"""Nats from which on answers are far. A network at .02 was lost by a rate that brought one at .2 nearer."""
WARMUP = 0.05
"""Share of the steps in which the rate rises."""
COMPARED = 512
"""Samples on which the epochs are compared; they are not trained on where there are twice as many."""


def distilled(
    student: keras.Model,
    teacher: keras.Model,
    inputs: ModelInputs,
    outputs: Sequence[Output],
    *,
    epochs: int,
    learning: keras.Model | None = None,
    seed: int = 0,
    kept: KeptWork = NOTHING_KEPT,
) -> tuple[keras.Model, tuple[float, ...]]:
    """Train a network on the answers of another one, and on what the blocks give that both have.

    LAMB (You et al., ICLR 2020): a step is a share of each kernel's length, since a network without batch norms has
    kernels of very different lengths, those behind pixels of 0 to 255 the shortest. The rate rises,
    the higher the farther the answers are, then falls to zero along a cosine. Of all epochs, and the network as it was,
    the one stays whose answers are nearest.

    Args:
        student: which is only read.
        teacher: of which it was made by surgery.
        inputs: samples as both take them.
        outputs: what they give.
        epochs: how often each sample is seen.
        learning: what learns, if not the student itself: the same with layers that round as its int8 file does, as
            `sepzoo.compression.rounding` makes it. Student and teacher are then the float networks that it gives, so
            that layers and outputs have the same names and order in all three.
        seed: decides the order.
        kept: where each epoch is kept.

    Returns:
        The trained network, and the divergence before and after each epoch, in nats.

    Raises:
        SepzooError: the loss is no longer a finite number.
    """
    keep_freed_memory()
    network = rewrite(student if learning is None else learning, lambda site: None)[0]
    blocks = common_blocks(student, teacher)
    learner, lessons, losses = _lessons(network, teacher, blocks, outputs, inputs)
    order = np.random.default_rng(seed).permutation(len(inputs))
    held = _chosen(inputs, order[:COMPARED])
    trained = order[COMPARED:] if len(order) >= 2 * COMPARED else order
    right = answers(teacher, held)
    told, best = [divergence(outputs, right, answers(network, held))], network.get_weights()
    rate = _rate(epochs * -(-len(trained) // BATCH), highest_rate(told[0]))
    weights = [1.0] * len(outputs) + [1 / len(blocks) for _block in blocks]  # all blocks together weigh as an answer
    learner.compile(keras.optimizers.Lamb(rate), losses, loss_weights=weights, jit_compile=False)
    learner.optimizer.build(learner.trainable_variables)

    def learned(epoch: int) -> Steps:
        shuffled = np.random.default_rng([seed, epoch]).permutation(trained)
        batches = equal_batches(shuffled, BATCH)
        for each in counted(batches, len(batches), f"batches of epoch {epoch} of {epochs}"):
            batch = _chosen(inputs, each).tensors()
            found = learner.train_on_batch(batch, lessons.predict_on_batch(batch))
            if not np.isfinite(np.ravel(found)[0]):
                raise SepzooError(
                    f"expected a finite loss. Received: {np.ravel(found)[0]} in epoch {epoch} of distillation. "
                    "Leave distillation out."
                )
        return _state(learner)

    for epoch in range(1, epochs + 1):
        state = kept.once(f"epoch {epoch}", lambda epoch=epoch: learned(epoch))  # type: ignore[misc]
        for place, variable in enumerate(_variables(learner)):
            variable.assign(state[str(place)])
        told.append(divergence(outputs, right, answers(network, held)))
        best = network.get_weights() if told[-1] == min(told) else best
    network.set_weights(best)
    return network, tuple(told)


def highest_rate(distance: float) -> float:
    """Return the rate that answers so many nats from the right ones are brought nearer by.

    Example:
        >>> [round(highest_rate(distance), 5) for distance in (0.0, 0.02, 0.2, 2.0)]
        [0.0002, 0.00063, 0.002, 0.002]
    """
    return max(RATE * min(distance / FAR, 1.0) ** 0.5, LEAST_RATE)


def common_blocks(student: keras.Model, teacher: keras.Model) -> tuple[str, ...]:
    """Return the layers where the two come together again, and give what has one shape.

    Example:
        >>> def network(*names):
        ...     dense = [keras.layers.Dense(4, name=name) for name in names]
        ...     return keras.Sequential([keras.Input((4,)), *dense])
        >>> common_blocks(network("a", "b1", "b2", "c"), network("a", "b", "c"))
        ('c',)
    """
    return tuple(
        name
        for name in rewritten_blocks(student, teacher)
        if student.get_layer(name).output.shape == teacher.get_layer(name).output.shape
    )


def _rate(steps: int, most: float) -> keras.optimizers.schedules.CosineDecay:
    """Return a rate that rises to its most and falls to zero."""
    rising = round(WARMUP * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if rising else most, max(steps - rising, 1), warmup_target=most if rising else None, warmup_steps=rising
    )


def _variables(learner: keras.Model) -> list[keras.Variable]:
    return [*learner.variables, *learner.optimizer.variables]


def _state(learner: keras.Model) -> Steps:
    return {str(place): keras.ops.convert_to_numpy(each) for place, each in enumerate(_variables(learner))}


def _lessons(
    network: keras.Model, teacher: keras.Model, blocks: Sequence[str], outputs: Sequence[Output], inputs: ModelInputs
) -> tuple[keras.Model, keras.Model, list[keras.losses.Loss]]:
    """Return both networks with the outputs of their common blocks, and the losses."""
    both = [
        keras.Model(model.inputs, [*model.outputs, *(model.get_layer(name).output for name in blocks)])
        for model in (network, teacher)
    ]
    given = answers(both[1], inputs[:BATCH])
    own, inner = given[: len(outputs)], given[len(outputs) :]
    return *both, [*answer_losses(outputs, own), *(RelativeError(variance(each)) for each in inner)]


def _chosen(inputs: ModelInputs, places: np.ndarray) -> ModelInputs:
    return ModelInputs(tuple(each[places] for each in inputs.arrays))
