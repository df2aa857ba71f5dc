"""Training with the rounding of integers, so that the int8 file keeps what the network knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import keras
import numpy as np

from sepzoo.compression.keras2_process import require_packages
from sepzoo.compression.keras2_training import Plan, train
from sepzoo.compression.preserving import restorers
from sepzoo.compression.quantized_model import QuantizedModel
from sepzoo.compression.rounding import rounding
from sepzoo.compression.step_training import StepTraining
from sepzoo.compression.training_settings import Targets, TrainingSettings, split
from sepzoo.data.samples import Samples
from sepzoo.export.taken_inputs import saying_inputs
from sepzoo.inference.given_samples import as_samples
from sepzoo.inference.keras_model import from_model
from sepzoo.layers.fake_quantization import QuantizedKernel, QuantizedOutput
from sepzoo.records.inputs import Features
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import unknown
from sepzoo.support.types import Arrays

By = Literal["keras", "tfmot"]
_CLOSE = 0.05
"""How far, as a share of their norm, outputs of two processes may differ: a sum that is rounded the other way, for its
order, is a step off."""


def quantize_aware(
    model: keras.Model,
    data: Samples | Arrays,
    *,
    targets: Targets = "model",
    epochs: int = 3,
    batch_size: int = 32,
    learning_rate: float = 1e-5,
    seed: int = 0,
    preserve: bool = True,
    by: By = "keras",
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
) -> QuantizedModel:
    """Train a network with its kernels and activations rounded as an int8 `.tflite` file rounds them.

    Batch norm is folded first. The steps of the integers are learned too (LSQ, Esser et al., ICLR 2020), one for each
    channel of a convolution's kernel and one for each activation, and the file takes exactly these. By default the
    float network is the teacher, and no label is needed. Adam, with a rate that falls to zero along a cosine; kept is
    what has the least loss on 200 samples that are not trained on (of less than 400 samples: on those that are), be it
    before the first epoch. It runs on every backend; the file is written by TensorFlow.

    With `by="tfmot"` it is tensorflow-model-optimization that rounds, in a process of its own: kernels by their largest
    weight, activations by moving averages of their lowest and highest values, which begin where the samples say. The
    result is the same kind of network.

    Args:
        model: a trained functional model; it is only read.
        data: samples to train on, whose labels are read only where they are the targets; or an array as the model
            takes it, pixels where it says how these become its input.
        targets: "model": what the float network answers; "labels": the classes of the samples.
        epochs: how often each sample is seen; 0: only the ranges are set.
        batch_size: samples of a step.
        learning_rate: the first one.
        seed: decides the order.
        preserve: whether weights that are zero stay so, and weights of a kernel, or of a channel, that are equal stay
            equal: what `prune` and `cluster` made of them.
        by: "keras": steps are learned, in this process; "tfmot": ranges follow the values, by
            tensorflow-model-optimization.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels.
        outputs: what the model gives, instead of what it says or its graph shows.

    Raises:
        SepzooError: an argument that is not known or out of range, samples without labels where these are the targets,
            an output that is no class scores then, or what `sepzoo.export.tflite` refuses to calibrate.

    Example: see `QuantizedModel`.
    """
    settings = TrainingSettings(targets, epochs, batch_size, learning_rate, seed)
    if by not in get_args(By):
        raise unknown("library", by, get_args(By))
    if by == "tfmot":
        require_packages("quantize_aware by tfmot")
    classifier = from_model(model, labels=labels, preprocessing=preprocessing, features=features, outputs=outputs)
    data = as_samples(classifier, data, "train")
    data = settings.labelled(classifier, data)
    generator = np.random.default_rng(seed)
    parts = split(generator.permutation(len(data)))
    start = data.taken(parts[0])
    classifier = saying_inputs(classifier, start)
    plain, rounded, values = rounding(classifier, start)
    if by == "tfmot":
        return QuantizedModel(rounded, start, _by_tfmot(plain, rounded, data, parts, settings, preserve))
    training = StepTraining(classifier, plain, rounded, settings)
    kernels = restorers(rounded) if preserve else []
    losses = training.run(data, start, parts[1], values, generator, [kernel.restore for kernel in kernels])
    return QuantizedModel(rounded, start, losses)


def _by_tfmot(
    plain: keras.Model,
    rounded: keras.Model,
    data: Samples,
    parts: tuple[np.ndarray, np.ndarray],
    settings: TrainingSettings,
    preserve: bool,
) -> tuple[float, ...]:
    """Let tensorflow-model-optimization train a rounding network, and return the losses."""
    layers = [layer.name for layer in rounded.layers if isinstance(layer, QuantizedKernel | QuantizedOutput)]
    plan = Plan({"kind": "quantize", "preserve": preserve}, layers, first_epoch=0, close=_CLOSE)
    return train(rounded, from_model(plain), data, parts, plan, settings)
