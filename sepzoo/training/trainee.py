"""A network compiled for training: precision, optimizer, loss, metrics, and which of its layers train."""

from __future__ import annotations

import keras
from keras import ops

from sepzoo.layers.cloning import parts_of
from sepzoo.layers.scope_names import give_scopes
from sepzoo.support.types import Optimizer
from sepzoo.training.distilling import with_teacher
from sepzoo.training.fit_settings import FitSettings
from sepzoo.training.heads import head_of
from sepzoo.training.muon import orthogonal_kernels
from sepzoo.training.networks import Networks
from sepzoo.training.optimizer import build_optimizer, layer_rates, take_over
from sepzoo.training.schedule import EpochSchedule


class Trainee:
    """The training network of `Networks`, compiled; anew when its frozen layers begin to train.

    Args:
        networks: of which the training network trains.
        settings: how.
        steps_per_epoch: batches of an epoch.

    Attributes:
        student: the training network of `Networks`, whose state is kept.
        model: what `fit` is called on: the student, alone or in one graph with its teacher.
        optimizer: as compiled; it may scale the loss.
        schedule: of the learning rate.
    """

    def __init__(self, networks: Networks, settings: FitSettings, *, steps_per_epoch: int) -> None:
        self._settings = settings
        self.student = networks.training
        self._head = head_of(networks.inference, networks.training)
        self._frozen = [layer for layer in parts_of(networks.training)[1:] if not layer.trainable]
        self.schedule = EpochSchedule(
            settings.optimizer.learning_rate,
            settings.schedule,
            steps_per_epoch=steps_per_epoch,
            epochs=settings.epochs,
        )
        if settings.precision != "float32":
            _set_precision(networks.training, settings.precision)
        self.model = networks.training if settings.teacher is None else with_teacher(networks, settings.teacher)
        give_scopes(self.model)
        self.optimizer = self._compiled()

    def start_phase(self, *, unfrozen: bool) -> None:
        """Compile anew, with the layers that are frozen at first as they are then, or training as all others."""
        for layer in self._frozen:
            layer.trainable = unfrozen
        self.optimizer = self._compiled()

    def unfreeze(self) -> None:
        """Let all layers train from here on; counts and averages go on, momentum begins anew."""
        before = self.optimizer
        self.start_phase(unfrozen=True)
        take_over(self.optimizer, before)

    def is_unfrozen(self, epochs: int, steps: int) -> bool:
        """Return whether a state after so many epochs and steps of the next is one in which all layers trained."""
        first = self._settings.unfreeze_epoch
        return first is not None and (epochs, steps) > (first, 0)

    def _compiled(self) -> Optimizer:
        settings, variables = self._settings, self.model.trainable_variables
        decay = settings.optimizer.layer_decay
        optimizer = build_optimizer(
            settings.optimizer,
            self.schedule,
            ema=settings.ema,
            variables=variables,
            rates=layer_rates(self.model, decay) if decay < 1 else (),
            orthogonal=orthogonal_kernels(self.model) if settings.optimizer.kind == "muon" else (),
            scales_loss=settings.precision == "mixed_float16",
        )
        smoothing = settings.label_smoothing
        self.model.compile(
            optimizer=optimizer,
            loss=self._head.loss(smoothing),
            loss_weights=None if settings.teacher is None else 1 - settings.teacher.weight,
            metrics=self._head.metrics(smoothing),
        )
        return optimizer


def evaluation_model(networks: Networks, settings: FitSettings, *, mirrored: bool = False) -> keras.Model:
    """Return a compiled view of the inference model, so that the file of that carries no training settings.

    With `mirrored` it answers by the mean over each image and its mirror image.
    """
    inputs, outputs = networks.inference.inputs, networks.inference.outputs
    if mirrored:
        other = networks.inference(ops.flip(inputs[0], axis=2))
        outputs = [keras.layers.average([outputs[0], other])]
    model = keras.Model(inputs, outputs)
    give_scopes(model)
    head, smoothing = head_of(networks.inference), settings.label_smoothing
    model.compile(loss=head.loss(smoothing), metrics=head.metrics(smoothing, top5=True))
    return model


def _set_precision(model: keras.Model, precision: str) -> None:
    """Let all layers but the last with weights, and what comes after it, compute in half precision."""
    last = max((place for place, layer in enumerate(model.layers) if layer.weights), default=0)
    for layer in model.layers[:last]:
        for each in parts_of(layer):
            each.dtype_policy = keras.dtype_policies.get(precision)
