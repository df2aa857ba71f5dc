"""What rounding to few bits does to a network, made good where it costs nothing at run time.

A rounded kernel shifts the mean of each output channel, and so do rounded inputs. In separable networks the shift is
large: a depthwise channel has nine weights only, and folded batch norm makes some of them huge. Moving the bias by the
shift's negative takes it back (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
ICCV 2019, section 4.2; here the means are measured on samples). What else the outputs lose is least where weights are
not rounded to the nearest; see `sepzoo.surgery.algebra.rounding`.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import math
from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.export.kernel_rounding import can_round_by_outputs, round_by_outputs
from sepzoo.export.rounding import CHANNEL_AXES, EIGHT_BITS, Rounding
from sepzoo.layers.graph import input_of, nodes, replay
from sepzoo.support.progress import announced, counted
from sepzoo.support.types import Args, Kwargs, Layer, Operation, Tensor, Tensors
from sepzoo.surgery.algebra.rounding import rounded

_SAMPLES = 128
"""At most so many are looked at."""
_LEAST_SAMPLES = 16
_MEMORY = 2**30
"""Bytes of what goes into a layer and comes out, in the exact and in the rounded network; fewer samples keep it."""


def correct_rounding(
    model: keras.Model,
    samples: np.ndarray | Sequence[np.ndarray],
    *,
    rounds_from: int = 0,
    rounding: Rounding = EIGHT_BITS,
) -> dict[str, list[np.ndarray]]:
    """Move the biases of a model so that it keeps its means once it is rounded, and its kernels by what layers give.

    Layers are corrected in the order of the graph, each on inputs that come from rounded and corrected layers, so a
    layer without a bias is made good by the next one that has a bias. Inputs are rounded between the lowest and the
    highest value that the exact layer gets. A layer that is called several times stays as it is.

    Args:
        model: changed in place; batch norm is folded already.
        samples: as the model takes them, such as (n, height, width, channels); at most 128 are used. Of several inputs
            one array each, in the order of the inputs.
        rounds_from: how many elements a kernel has at least that will be rounded.
        rounding: how.

    Returns:
        The weights that each layer had which was changed, by its name.
    """
    work, _ = _run(model, samples, rounds_from, rounding, "layers rounded and corrected")
    own = {name: model.get_layer(name).get_weights() for name in work.found}
    for name, weights in work.found.items():
        model.get_layer(name).set_weights(weights)
    return own


def rounded_outputs(
    model: keras.Model,
    samples: np.ndarray | Sequence[np.ndarray],
    *,
    rounds_from: int = 0,
    rounding: Rounding = EIGHT_BITS,
    what: str = "layers rounded to look at",
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return what a model gives, and what it gives rounded to the nearest with biases that `correct_rounding` moves.

    Args:
        model: only read; batch norm is folded already.
        samples: as `correct_rounding` takes them, and as many are used.
        rounds_from: how many elements a kernel has at least that is rounded.
        rounding: how, but for `by_outputs`.
        what: is counted, for progress.

    Returns:
        The exact outputs and the others, in the order of the model's outputs.
    """
    work, both = _run(model, samples, rounds_from, dataclasses.replace(rounding, by_outputs=False), what)
    found = [keras.ops.convert_to_numpy(each) for each in keras.tree.flatten(both)]
    return [each[: work.count] for each in found], [each[work.count :] for each in found]


def _run(
    model: keras.Model, samples: np.ndarray | Sequence[np.ndarray], rounds_from: int, rounding: Rounding, what: str
) -> tuple[_Correction, Tensors]:
    """Return what was found in the one run of both networks, and their outputs."""
    given = [samples] if isinstance(samples, np.ndarray) else list(samples)
    work = _Correction(model, rounding, rounds_from, count=_count(model, len(given[0])), what=what)
    with (
        announced(f"making good what rounding does to {model.name}", terminal_only=True),
        contextlib.closing(work.progress),
    ):
        return work, replay(model, [work.twice(each) for each in given], work.call)


def _count(model: keras.Model, given: int) -> int:
    """Return how many samples are looked at."""
    shapes = [tensor.shape for node in nodes(model) for tensor in node.outputs]
    largest = max(math.prod(size or 1 for size in shape[1:]) for shape in shapes)
    return min(given, _SAMPLES, max(_LEAST_SAMPLES, _MEMORY // (4 * 4 * largest)))


class _Correction:
    """One run of the exact and the rounded network side by side: the first half of each batch is exact."""

    def __init__(self, model: keras.Model, rounding: Rounding, rounds_from: int, count: int, what: str) -> None:
        self._rounding, self._rounds_from, self.count = rounding, rounds_from, count
        self._calls = collections.Counter(id(node.operation) for node in nodes(model))
        self._generator = np.random.default_rng(0)
        layers = [node for node in nodes(model) if type(node.operation) in CHANNEL_AXES]
        self.progress = counted(layers, len(layers), what)
        self.found: dict[str, list[np.ndarray]] = {}
        """The new weights of the layers that are changed, by their names."""

    def twice(self, samples: np.ndarray) -> Tensor:
        """Return the samples for both networks."""
        return keras.ops.convert_to_tensor(np.concatenate([samples[: self.count]] * 2))

    def call(self, operation: Operation, args: Args, kwargs: Kwargs) -> Tensor:
        """Return what an operation gives in both networks."""
        if type(operation) not in CHANNEL_AXES:
            return operation(*args, **kwargs)
        next(self.progress, None)
        both = input_of(args, kwargs)
        exact, changed = both[: self.count], both[self.count :]
        if self._rounding.inputs:
            changed = _rounded_values(changed, keras.ops.min(exact), keras.ops.max(exact))
        kernel, *bias = operation.get_weights()
        twin = type(operation).from_config({**operation.get_config(), "activation": None, "name": None})
        right = _outputs(twin, exact, [kernel, *bias])
        again = self._calls[id(operation)] > 1
        new = self._rounded(operation, kernel, changed, right, again=again)
        outputs = _outputs(twin, changed, [new, *bias])
        if bias and not again:
            shift = _mean(right) - _mean(outputs)
            outputs, bias = outputs + shift, [bias[0] + keras.ops.convert_to_numpy(shift)]
        if not again and (bias or self._rounding.by_outputs):
            self.found[operation.name] = [new if self._rounding.by_outputs else kernel, *bias]
        return operation.activation(keras.ops.concatenate([right, outputs]))

    def _rounded(self, layer: Layer, kernel: np.ndarray, inputs: Tensor, right: Tensor, *, again: bool) -> np.ndarray:
        """Return a kernel as it will be in the file."""
        largest, axes = self._rounding.largest_of(layer), self._rounding.axes_of(layer)
        if largest is None or kernel.size < self._rounds_from:
            return kernel
        if again or not self._rounding.by_outputs or not can_round_by_outputs(layer, kernel):
            return rounded(kernel, axes, largest=largest)
        seen = (keras.ops.convert_to_numpy(each) for each in (inputs, right))
        return round_by_outputs(layer, kernel, *seen, largest=largest, axes=axes, generator=self._generator)


def _outputs(layer: Layer, inputs: Tensor, weights: list[np.ndarray]) -> Tensor:
    if not layer.built:
        layer.build(inputs.shape)
    layer.set_weights(weights)
    return layer(inputs)


def _rounded_values(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return the nearest of the 256 values from a lowest to a highest one, of which zero is one."""
    low, high = keras.ops.minimum(low, 0.0), keras.ops.maximum(high, 0.0)
    step = keras.ops.maximum((high - low) / 255, 1e-12)
    zero = keras.ops.round(-low / step)
    return (keras.ops.clip(keras.ops.round(values / step) + zero, 0, 255) - zero) * step


def _mean(outputs: Tensor) -> Tensor:
    """Return each channel's mean."""
    return keras.ops.mean(outputs, axis=tuple(range(len(outputs.shape) - 1)))
