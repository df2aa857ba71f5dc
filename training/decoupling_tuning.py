"""The epoch of fine-tuning of training/decoupling_study.py."""

from __future__ import annotations

import tempfile

import keras

from sepzoo import surgery
from sepzoo.data import Augmentation
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.training import FitSettings, Networks, OptimizerSection, ScheduleSection, Sources, fit


def tuning(learning_rate: float) -> FitSettings:
    """Return SGD with momentum, its rate falling to zero by a cosine; images shifted and mirrored.

    Gradients are clipped: no batch norm is left that would tame them, and without clipping the first steps threw
    networks that were far from the original to chance level, from where an epoch brought them back to .26 at most.
    """
    return FitSettings(
        optimizer=OptimizerSection(learning_rate=learning_rate, momentum=0.9, clip_norm=1.0),
        schedule=ScheduleSection(kind="cosine"),
        augmentation=Augmentation(padding=4, flip=True),
        epochs=1,
        batch_size=128,
    )


def tuned(model: keras.Model, preprocessing: Preprocessing, sources: Sources, settings: FitSettings) -> keras.Model:
    """Return the network after its epoch; the order of the images is the same for all networks."""
    copy, _report = surgery.rewrite(model, lambda site: None)  # `fit` trains the network that it is given
    networks = Networks.of(copy, preprocessing)
    with tempfile.TemporaryDirectory() as folder:
        fit(networks, sources, settings, folder, quiet=True)
    return networks.inference
