"""The epoch of fine-tuning of training/decoupling_study.py."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from sepzoo import surgery
from sepzoo.data import Augmentation


@dataclasses.dataclass(frozen=True)
class Tuning:
    """How a network is tuned: SGD with momentum, its rate falling to zero by a cosine; images shifted and mirrored.

    Gradients are clipped: no batch norm is left that would tame them, and without clipping the first steps threw
    networks that were far from the original to chance level, from where an epoch brought them back to .26 at most.
    """

    learning_rate: float = 0.01
    momentum: float = 0.9
    clip_norm: float = 1.0
    batch_size: int = 128
    augmentation: Augmentation = dataclasses.field(default=Augmentation(padding=4, flip=True))


def tuned(
    model: keras.Model,
    pixels: np.ndarray,
    labels: np.ndarray,
    prepare: Callable[[np.ndarray], np.ndarray],
    tuning: Tuning,
) -> keras.Model:
    """Return the network after one epoch, on fast twins; the order of the images is the same for all networks."""
    model = surgery.accelerate(model)[0]
    steps = -(-len(pixels) // tuning.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(tuning.learning_rate, steps)
    descent = keras.optimizers.SGD(rate, momentum=tuning.momentum, global_clipnorm=tuning.clip_norm)
    model.compile(descent, "sparse_categorical_crossentropy")
    generator = np.random.default_rng(0)
    for batch in np.array_split(generator.permutation(len(pixels)), steps):
        changed = tuning.augmentation(pixels[batch], pixels.shape[1:3], generator)
        model.train_on_batch(prepare(changed), labels[batch])
    return model
