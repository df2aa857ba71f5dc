"""Batch normalization in inference: an affine map of each channel."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class Affine:
    """y = scale * x + shift, for each channel, in double precision."""

    scale: np.ndarray
    shift: np.ndarray

    @classmethod
    def of(cls, norm: keras.layers.BatchNormalization) -> Affine:
        """Return what a batch normalization does in inference."""
        mean, variance = (np.asarray(v.numpy(), "float64") for v in (norm.moving_mean, norm.moving_variance))
        gamma = np.asarray(norm.gamma.numpy(), "float64") if norm.scale else 1.0
        beta = np.asarray(norm.beta.numpy(), "float64") if norm.center else 0.0
        with np.errstate(invalid="ignore"):  # a negative variance is found when the result is not finite
            scale = gamma / np.sqrt(variance + norm.epsilon)
        return cls(scale, beta - mean * scale)

    @classmethod
    def of_normalization(cls, layer: keras.layers.Normalization) -> Affine:
        """Return what a normalization of inputs does, in the shape of its own numbers."""
        mean, variance = (np.asarray(each, "float64") for each in (layer.mean, layer.variance))
        deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
        if layer.invert:
            return cls(deviation, mean)
        scale = 1 / deviation
        return cls(scale, -mean * scale)

    def followed_by(self, later: Affine) -> Affine:
        """Return what this one and a later one do together."""
        return Affine(self.scale * later.scale, self.shift * later.scale + later.shift)
