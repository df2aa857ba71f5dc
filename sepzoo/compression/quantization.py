"""Training with the rounding of integers, so that the int8 file keeps what the network knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from sepzoo.compression.answer_losses import answer_losses
from sepzoo.compression.preserving import restorers
from sepzoo.compression.quantized_model import QuantizedModel
from sepzoo.compression.rounding import rounding
from sepzoo.compression.training_settings import Targets, TrainingSettings, split
from sepzoo.data.samples import Samples
from sepzoo.export.taken_inputs import saying_inputs
from sepzoo.inference.keras_model import KerasClassifier, from_model
from sepzoo.records.inputs import Features
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import counted
from sepzoo.support.quiet import errors_only
from sepzoo.support.types import Arrays


def quantize_aware(
    model: keras.Model,
    data: Samples,
    *,
    targets: Targets = "model",
    epochs: int = 3,
    batch_size: int = 32,
    learning_rate: float = 1e-5,
    seed: int = 0,
    preserve: bool = True,
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

    Args:
        model: a trained functional model; it is only read.
        data: samples to train on; their labels are read only where they are the targets.
        targets: "model": what the float network answers; "labels": the classes of the samples.
        epochs: how often each sample is seen; 0: only the ranges are set.
        batch_size: samples of a step.
        learning_rate: the first one.
        seed: decides the order.
        preserve: whether weights that are zero stay so, and weights of a kernel, or of a channel, that are equal stay
            equal: what `prune` and `cluster` made of them.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels.
        outputs: what the model gives, instead of what it says or its graph shows.

    Raises:
        SepzooError: samples without labels where these are the targets, an output that is no class scores then, or
            what `sepzoo.export.tflite` refuses to calibrate.

    Example: see `QuantizedModel`.
    """
    settings = TrainingSettings(targets, epochs, batch_size, learning_rate, seed)
    classifier = from_model(model, labels=labels, preprocessing=preprocessing, features=features, outputs=outputs)
    settings.require_labels(classifier, data)
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(data))
    held_out, chosen = split(order)
    start = data.taken(held_out)
    classifier = saying_inputs(classifier, start)
    plain, rounded, values = rounding(classifier, start)
    training = _Training(classifier, plain, rounded, targets)
    preserved = restorers(rounded) if preserve else []
    steps = settings.steps(len(chosen))
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, max(steps, 1))
    rounded.compile(keras.optimizers.Adam(rate), _losses(from_model(plain), plain, values), jit_compile=False)
    held = (_listed(values), training.wanted(start, _listed(values)))
    losses, best = [_loss(rounded.evaluate(*held, batch_size=batch_size, verbose=0))], rounded.get_weights()
    for epoch in range(epochs):
        shuffled = generator.permutation(chosen)
        batches = [shuffled[first : first + batch_size] for first in range(0, len(shuffled), batch_size)]
        for each in counted(batches, len(batches), f"batches of epoch {epoch + 1} of {epochs}"):
            loss = training.step(data.taken(each))
            for kernel in preserved:
                kernel.restore()
            if not np.isfinite(loss):
                raise SepzooError(
                    f"expected a finite loss. Received: nan in epoch {epoch + 1}, at learning_rate="
                    f"{learning_rate:g}. Pass a smaller one."
                )
        losses.append(_loss(rounded.evaluate(*held, batch_size=batch_size, verbose=0)))
        best = rounded.get_weights() if losses[-1] == min(losses) else best
    rounded.set_weights(best)
    return QuantizedModel(rounded, start, tuple(losses))


@dataclasses.dataclass(frozen=True, eq=False)
class _Training:
    """A rounding network that learns.

    Attributes:
        classifier: the model as it was given, which says what samples become.
        plain: the float network that it is held to.
        rounded: which learns.
        targets: whether it is held to the labels instead.
    """

    classifier: KerasClassifier
    plain: keras.Model
    rounded: keras.Model
    targets: str

    def step(self, batch: Samples) -> float:
        """Take one step, and return the loss before it."""
        inputs = _listed(next(iter(self.classifier.batches(batch.images, len(batch)))))
        return _loss(self.rounded.train_on_batch(inputs, self.wanted(batch, inputs)))

    def wanted(self, batch: Samples, inputs: Arrays) -> Arrays:
        """Return what the network ought to answer."""
        if self.targets == "model":
            return self.plain.predict_on_batch(inputs)
        return np.eye(self.classifier.output_tensors[0].shape[-1], dtype="float32")[np.asarray(batch.labels)]


def _loss(found: Any) -> float:
    """Return the first of what Keras gives: the loss, of several outputs their sum."""
    return float(np.ravel(found)[0])


def _losses(classifier: KerasClassifier, plain: keras.Model, values: Mapping[str, np.ndarray]) -> Any:
    """Return what each output of the deployed network is held to."""
    with errors_only("tensorflow"):  # which warns of every model that it compiles
        answers = keras.tree.flatten(plain.predict(_listed(values), batch_size=16, verbose=0))
    found = answer_losses(classifier.outputs, answers)
    return keras.tree.pack_sequence_as(plain.output, found) if isinstance(plain.output, dict) else found[0]


def _listed(inputs: Arrays) -> Arrays:
    """Return the arrays of several inputs in a list, as the deployed network takes them."""
    if not isinstance(inputs, Mapping):
        return inputs
    return next(iter(inputs.values())) if len(inputs) == 1 else list(inputs.values())
