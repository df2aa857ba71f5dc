"""Images for the tests of what is fitted to samples."""

from __future__ import annotations

import numpy as np


def smooth(shape, seed=0, count=48):
    """Images whose pixels resemble their neighbours, as in photographs, with correlated channels."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(count, *shape))
    for axis in (1, 2):
        noise = noise + np.roll(noise, 1, axis) + np.roll(noise, 2, axis)
    return (noise @ generator.normal(size=(shape[-1], shape[-1])) / 3).astype("float32")
