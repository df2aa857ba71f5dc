"""Importance by Taylor expansion: how much the outputs change, to first order, when a channel becomes zero."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from sepzoo.layers.graph import input_of, replay, run
from sepzoo.support.progress import counted
from sepzoo.support.types import Args, Kwargs, Operation, Tensor, Tensors
from sepzoo.surgery.pruning.coupling import Coupling
from sepzoo.surgery.pruning.gradients import gradient
from sepzoo.surgery.pruning.importance import last_activation
from sepzoo.surgery.walk.model_inputs import ModelInputs

BATCH = 32
PROBES = 4
"""Random directions in the space of outputs, for each sample, where no labels say which one counts."""
TINY = 1e-7


def taylor_scores(
    model: keras.Model, coupling: Coupling, inputs: ModelInputs, labels: np.ndarray | None = None
) -> np.ndarray:
    """Return for each set of channels the mean over the samples of (gradient times activation, summed)^2.

    Each set gets a factor at all inputs of the layers that it goes into; the derivative by it is gradient times
    activation. With labels it is that of the cross-entropy (Molchanov et al., CVPR 2019, arXiv 1906.10771, eq. 8, of
    activations). Without, it is that of the outputs in random directions, whose mean square is the change of the
    outputs themselves; of probabilities that of their square roots, which is the change in the Kullback-Leibler
    divergence.

    Args:
        model: the model that the channels are of.
        coupling: of it.
        inputs: samples as it takes them.
        labels: their class numbers, (n,), for a model that ends in softmax or gives logits.
    """
    generator, total = np.random.default_rng(0), np.zeros(coupling.count)
    activation, probes = last_activation(model), 1 if labels is not None else PROBES
    starts = range(0, len(inputs), BATCH)
    for start in counted(starts, len(starts), "batches of gradients"):
        batch = inputs[start : start + BATCH]
        masks = np.ones((len(batch), coupling.count + 1), "float32")
        for _probe in range(probes):

            def value(mask: Tensor, batch: ModelInputs = batch, start: int = start) -> Tensor:
                outputs = keras.tree.flatten(_masked(model, coupling, batch, mask))
                if labels is not None:
                    return _cross_entropy(outputs[0], labels[start : start + BATCH], activation)
                return sum(_probed(output, generator, activation) for output in outputs)

            total += np.sum(gradient(value, masks)[:, :-1].astype("float64") ** 2, axis=0)
    return total / (len(inputs) * probes)


def _masked(model: keras.Model, coupling: Coupling, batch: ModelInputs, mask: Tensor) -> Tensors:
    """Run a model with a factor for each set of channels where it enters the layers that mix channels."""
    places = {id(each.layer): each.inputs for each in coupling.layers if each.anatomy.role == "mixing"}

    def call(operation: Operation, args: Args, kwargs: Kwargs) -> Tensors:
        if id(operation) in places:
            x = input_of(args, kwargs)
            factors = ops.take(mask, places[id(operation)] % mask.shape[1], axis=1)  # -1 is the last one
            between = (1,) * (len(x.shape) - 2)
            factors = ops.reshape(factors, (-1, *between, factors.shape[-1]))
            return run(operation, (x * ops.cast(factors, x.dtype),), kwargs if args else {})
        return run(operation, args, kwargs)

    with keras.StatelessScope():
        return replay(model, batch.tensors(), call, inside=True)


def _cross_entropy(outputs: Tensor, labels: np.ndarray, activation: str) -> Tensor:
    values = ops.cast(outputs, "float32")
    logs = ops.log(values + TINY) if activation == "softmax" else ops.log_softmax(values, axis=-1)
    chosen = ops.one_hot(ops.convert_to_tensor(labels.astype("int32")), values.shape[-1])
    return -ops.sum(logs * chosen)


def _probed(outputs: Tensor, generator: np.random.Generator, activation: str) -> Tensor:
    values = ops.cast(outputs, "float32")
    if activation == "softmax":
        values = 2.0 * ops.sqrt(values + TINY)
    signs = generator.choice(np.array([-1.0, 1.0], "float32"), values.shape)
    return ops.sum(values * ops.convert_to_tensor(signs))
