"""Networks of initial weights whose answers differ from image to image, so that the check of a file can fail."""

from __future__ import annotations

import keras
import numpy as np

from sepzoo import surgery
from sepzoo.data import Samples

COUNT = 50


def noise_for(shape: tuple[int, ...]) -> Samples:
    """Return images of noise, each of a brightness and contrast of its own: else a network may answer all alike."""
    generator = np.random.default_rng(0)
    low, high = np.sort(generator.uniform(0, 256, (2, COUNT, 1, 1, shape[-1])), axis=0)
    return Samples(generator.uniform(low, high, (COUNT, *shape)).astype("uint8"), None, origin="noise", seed=0)


def calibrated(model: keras.Model) -> keras.Model:
    """Return a network whose batch normalizations fit noise: its signal neither dies out nor grows on the way."""
    return surgery.recalibrate_batch_norm(model, noise_for(model.input_shape[1:]))[0]
