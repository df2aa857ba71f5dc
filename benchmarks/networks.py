"""Networks of initial weights whose answers differ from image to image, so that the check of a file can fail."""

from __future__ import annotations

import keras

from sepzoo import surgery
from sepzoo.data import Samples
from sepzoo.export.noise import noise

COUNT = 50


def noise_for(shape: tuple[int, ...]) -> Samples:
    """Return images of noise, each of a brightness and contrast of its own: else a network may answer all alike."""
    return noise(shape, count=COUNT)


def calibrated(model: keras.Model) -> keras.Model:
    """Return a network whose batch normalizations fit noise: its signal neither dies out nor grows on the way."""
    return surgery.recalibrate_batch_norm(model, noise_for(model.input_shape[1:]))[0]
