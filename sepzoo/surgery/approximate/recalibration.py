"""Statistics of batch normalization, taken anew after surgery."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from sepzoo.data.samples import Samples
from sepzoo.layers.graph import input_of, replay, run
from sepzoo.support.progress import counted
from sepzoo.support.types import Args, Arrays, Kwargs, Operation, Tensor, Tensors
from sepzoo.surgery.walk.model_inputs import ModelInputs, model_inputs
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement


def recalibrate_batch_norm(
    model: keras.Model, data: Samples | Arrays, *, batch_size: int = 64
) -> tuple[keras.Model, SurgeryReport]:
    """Give each batch normalization the mean and variance that its input has on samples.

    What comes before it may have been replaced, decoupled or pruned, so that the old statistics are of another input.
    Nothing is trained, nothing but the statistics is changed, and dropout and image augmentation stay off. While they
    are taken, each batch is normalized by its own, as in training: larger batches are more exact.

    Args:
        model: functional or Sequential; it is only read.
        data: unlabelled samples: an array as the model takes it (pixels, uint8, where it says how these become its
            input), or `sepzoo.data.Samples`; of several inputs a dictionary of arrays by their names.
        batch_size: samples that run together.

    Raises:
        SepzooError: a model that `rewrite` refuses, or samples that don't fit.

    Example:
        >>> model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.BatchNormalization(name="bn")])
        >>> new, report = recalibrate_batch_norm(model, np.full((8, 4, 4, 1), 3.0))
        >>> float(new.get_layer("bn").moving_mean[0]), report.changes[0].action
        (3.0, 'statistics of 8 samples')
    """
    inputs = model_inputs(model, data)
    plan = Plan(model)
    found = _statistics(plan.model, inputs, batch_size)
    for site in plan.sites:
        if id(site.layer) in found:
            new = type(site.layer).from_config(site.layer.get_config())
            part = Part(new, found[id(site.layer)].weights())
            plan.replace(site, Replacement((part,), f"statistics of {len(inputs)} samples"), verification=None)
    return plan.finish(inputs)


def recalibrate(model: keras.Model, inputs: ModelInputs, *, batch_size: int = 64) -> int:
    """Do the same to a new model in place, as the last step of another surgery; return how many normalizations it has.

    Args:
        model: which is changed.
        inputs: samples as it takes them.
        batch_size: samples that run together.
    """
    found = _statistics(model, inputs, batch_size)
    for statistics in found.values():
        statistics.layer.set_weights(statistics.weights())
    return len(found)


def _statistics(model: keras.Model, inputs: ModelInputs, batch_size: int) -> dict[int, _Statistics]:
    """Return what each batch normalization's input is like, by the layer's identity."""
    seen: dict[int, _Statistics] = {}

    def call(operation: Operation, args: Args, kwargs: Kwargs) -> Tensors:
        if isinstance(operation, keras.layers.BatchNormalization):
            return seen.setdefault(id(operation), _Statistics(operation)).normalized(input_of(args, kwargs))
        return run(operation, args, kwargs)

    starts = range(0, len(inputs), batch_size)
    for start in counted(starts, len(starts), "batches run for their statistics"):
        replay(model, inputs[start : start + batch_size].tensors(), call, inside=True)
    return seen


class _Statistics:
    """Sums over all that has come to a batch normalization so far."""

    def __init__(self, layer: keras.layers.BatchNormalization) -> None:
        self.layer = layer
        self.count = 0
        self.sum: Tensor = 0.0
        self.squares: Tensor = 0.0

    def normalized(self, x: Tensor) -> Tensor:
        """Add a batch, and return it normalized by its own statistics."""
        layer = self.layer
        axis = layer.axis % len(x.shape)
        others = [place for place in range(len(x.shape)) if place != axis]
        values = ops.cast(x, "float32")
        mean, variance = ops.moments(values, axes=others, keepdims=True)
        flat, deviation = (np.asarray(ops.convert_to_numpy(each), "float64").ravel() for each in (mean, variance))
        count = int(np.prod([x.shape[place] for place in others]))
        self.count += count
        self.sum = self.sum + count * flat
        self.squares = self.squares + count * (deviation + flat**2)
        shape = [-1 if place == axis else 1 for place in range(len(x.shape))]
        y = (values - mean) * ops.rsqrt(variance + layer.epsilon)
        if layer.scale:
            y = y * ops.reshape(ops.cast(layer.gamma, "float32"), shape)
        if layer.center:
            y = y + ops.reshape(ops.cast(layer.beta, "float32"), shape)
        return ops.cast(y, layer.compute_dtype)

    def weights(self) -> list[np.ndarray]:
        """Return the layer's weights with these statistics."""
        mean = self.sum / self.count
        learned = self.layer.get_weights()[:-2]
        variance = np.maximum(self.squares / self.count - mean**2, 0.0)
        return [*learned, mean.astype("float32"), variance.astype("float32")]
