"""Training of a network that rounds, in this process: its weights and the steps of its integers learn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from sepzoo.compression.answer_losses import answer_losses
from sepzoo.compression.training_settings import TrainingSettings
from sepzoo.data.samples import Samples
from sepzoo.inference.keras_model import KerasClassifier, from_model
from sepzoo.support.batches import equal_batches
from sepzoo.support.errors import SepzooError
from sepzoo.support.processor import keep_freed_memory
from sepzoo.support.progress import counted
from sepzoo.support.quiet import errors_only
from sepzoo.support.types import Arrays


@dataclasses.dataclass(frozen=True, eq=False)
class StepTraining:
    """A rounding network whose weights and steps learn, on any backend.

    Attributes:
        classifier: the model as it was given, which says what samples become.
        plain: the float network that it is held to.
        rounded: which learns.
        settings: of the training; labels may be what it is held to instead.
    """

    classifier: KerasClassifier
    plain: keras.Model
    rounded: keras.Model
    settings: TrainingSettings

    def run(
        self,
        data: Samples,
        judging: Samples,
        chosen: np.ndarray,
        values: Mapping[str, np.ndarray],
        generator: np.random.Generator,
        after_step: Sequence[Callable[[], None]],
    ) -> tuple[float, ...]:
        """Train it; what has the least loss is kept, be it before the first epoch.

        Args:
            data: the samples.
            judging: those that judge.
            chosen: the numbers of those that train.
            values: those that judge as the network takes them, by the names of its inputs.
            generator: decides the order.
            after_step: called after each step.

        Returns:
            The loss before training and after each epoch.

        Raises:
            SepzooError: a loss that is not finite.
        """
        keep_freed_memory()
        size, epochs = self.settings.batch_size, self.settings.epochs
        steps = self.settings.steps(len(chosen))
        rate = keras.optimizers.schedules.CosineDecay(self.settings.learning_rate, max(steps, 1))
        inputs = _listed(values)
        with errors_only("tensorflow"):  # which warns of every model that it compiles
            answers = self.plain.predict(inputs, batch_size=16, verbose=0)
        self.rounded.compile(keras.optimizers.Adam(rate), _losses(self.plain, answers), jit_compile=False)
        self.rounded.optimizer.build(self.rounded.trainable_variables)  # else TensorFlow traces the first step twice
        held = (inputs, answers if self.settings.targets == "model" else self._classes(judging))
        losses = [_loss(self.rounded.evaluate(*held, batch_size=size, verbose=0))]
        best = self.rounded.get_weights()
        for epoch in range(epochs):
            batches = equal_batches(generator.permutation(chosen), size)
            for each in counted(batches, len(batches), f"batches of epoch {epoch + 1} of {epochs}"):
                loss = self._step(data.taken(each))
                for call in after_step:
                    call()
                if not np.isfinite(loss):
                    raise SepzooError(
                        f"expected a finite loss. Received: nan in epoch {epoch + 1}, at learning_rate="
                        f"{self.settings.learning_rate:g}. Pass a smaller one."
                    )
            losses.append(_loss(self.rounded.evaluate(*held, batch_size=size, verbose=0)))
            best = self.rounded.get_weights() if losses[-1] == min(losses) else best
        self.rounded.set_weights(best)
        return tuple(losses)

    def _step(self, batch: Samples) -> float:
        """Take one step, and return the loss before it."""
        inputs = _listed(next(iter(self.classifier.batches(batch.images, len(batch)))))
        return _loss(self.rounded.train_on_batch(inputs, self._wanted(batch, inputs)))

    def _wanted(self, batch: Samples, inputs: Arrays) -> Arrays:
        """Return what the network ought to answer."""
        if self.settings.targets == "model":
            return self.plain.predict_on_batch(inputs)
        return self._classes(batch)

    def _classes(self, batch: Samples) -> np.ndarray:
        return np.eye(self.classifier.output_tensors[0].shape[-1], dtype="float32")[np.asarray(batch.labels)]


def _loss(found: Any) -> float:
    """Return the first of what Keras gives: the loss, of several outputs their sum."""
    return float(np.ravel(found)[0])


def _losses(plain: keras.Model, answers: Arrays) -> Any:
    """Return what each output of the deployed network is held to, by what it answers."""
    found = answer_losses(from_model(plain).outputs, keras.tree.flatten(answers))
    return keras.tree.pack_sequence_as(plain.output, found) if isinstance(plain.output, dict) else found[0]


def _listed(inputs: Arrays) -> Arrays:
    """Return the arrays of several inputs in a list, as the deployed network takes them."""
    if not isinstance(inputs, Mapping):
        return inputs
    return next(iter(inputs.values())) if len(inputs) == 1 else list(inputs.values())
