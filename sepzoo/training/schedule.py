"""The learning rate at every step."""

from __future__ import annotations

import math

import keras
from keras import ops

from sepzoo.support.types import Config, Tensor
from sepzoo.training.recipe_sections import ScheduleSection


class EpochSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A recipe's schedule, counted in epochs, as Keras's optimizers ask for it: by step.

    Args:
        learning_rate: to which the schedule is a factor.
        section: the schedule.
        steps_per_epoch: steps in an epoch.
        epochs: epochs in all; a cosine ends there.

    Example:
        >>> section = ScheduleSection(kind="step", milestones=(2, 3), factor=0.1)
        >>> schedule = EpochSchedule(0.1, section, steps_per_epoch=10, epochs=4)
        >>> [round(float(schedule(step)), 5) for step in (0, 19, 20, 30)]
        [0.1, 0.1, 0.01, 0.001]
    """

    def __init__(self, learning_rate: float, section: ScheduleSection, *, steps_per_epoch: int, epochs: int) -> None:
        self.learning_rate = learning_rate
        self.section = section
        self.steps_per_epoch = steps_per_epoch
        self.epochs = epochs

    def __call__(self, step: Tensor) -> Tensor:
        """Return the learning rate of a step, counted from 0."""
        step = ops.cast(step, "float32")
        warmup = self.section.warmup_epochs * self.steps_per_epoch
        rate = self.learning_rate * self._factor(step, warmup)
        return rate * ops.minimum((step + 1) / warmup, 1.0) if warmup else rate

    def _factor(self, step: Tensor, warmup: float) -> Tensor:
        if self.section.kind in ("cosine", "polynomial"):
            length = max(self.epochs * self.steps_per_epoch - warmup, 1)
            share = ops.clip((step - warmup) / length, 0, 1)
            if self.section.kind == "polynomial":
                return (1 - share) ** self.section.power
            return 0.5 * (1 + ops.cos(math.pi * share))
        if self.section.kind == "exponential":
            return self.section.factor ** ops.floor(step / (self.section.every_epochs * self.steps_per_epoch))
        factor = ops.ones_like(step)
        for milestone in self.section.milestones:
            fallen = ops.cast(step >= milestone * self.steps_per_epoch, "float32")
            factor = factor * (1 - (1 - self.section.factor) * fallen)
        return factor

    def get_config(self) -> Config:
        """Return what the schedule was made of."""
        return {
            "learning_rate": self.learning_rate,
            "section": self.section.model_dump(mode="json"),
            "steps_per_epoch": self.steps_per_epoch,
            "epochs": self.epochs,
        }
