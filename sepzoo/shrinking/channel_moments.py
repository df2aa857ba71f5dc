"""Moments of what a depthwise convolution looks at: those of each channel's window, and of what it should give."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from sepzoo.shrinking.records import matrix_of
from sepzoo.support.types import Layer
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.patches import Window, drawn_places, extract_patches
from sepzoo.surgery.pruning.anatomy import Slice
from sepzoo.surgery.pruning.regressors import PLACES, bias_of
from sepzoo.surgery.walk.layer_inputs import LayerInputs


@dataclasses.dataclass(frozen=True, eq=False)
class ChannelMoments(Moments):
    """Moments of each output's own window.

    Attributes:
        gram: covariance of the window's values, (outputs, k * k, k * k).
        cross: covariance of these and of the right output, (k * k, outputs).
        power: variance of the right outputs, (outputs,).
        patch_mean: of the window's values, (k * k, outputs).
        output_mean: of the right outputs.
        count: number of places.
    """

    @classmethod
    def of_windows(cls, batches: Iterator[tuple[np.ndarray, np.ndarray]]) -> ChannelMoments:
        """Return the moments of batches of (windows, outputs): (places, k * k, outputs) and (places, outputs)."""
        sums: list[np.ndarray] = []
        count = 0
        for x, y in batches:
            by_output = np.moveaxis(x, 2, 0)
            gram = np.swapaxes(by_output, 1, 2) @ by_output
            terms = [gram, np.einsum("pko,po->ko", x, y), np.sum(y**2, axis=0), x.sum(axis=0), y.sum(axis=0)]
            sums = [total + term for total, term in zip(sums, terms, strict=True)] if sums else terms
            count += len(x)
        gram, cross, power, patch_mean, output_mean = (total / count for total in sums)
        return cls(
            gram - np.einsum("ko,lo->okl", patch_mean, patch_mean),
            cross - patch_mean * output_mean,
            np.maximum(power - output_mean**2, 0.0),
            patch_mean,
            output_mean,
            count,
        )

    def squared_errors(self, kernel: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
        """Return a kernel's mean squared error of each output, (outputs,), with a bias or the best one."""
        matrix = kernel.reshape(self.cross.shape)
        given = np.einsum("okl,lo->ko", self.gram, matrix)
        squared = np.maximum(self.power - 2 * np.sum(matrix * self.cross, axis=0) + np.sum(matrix * given, axis=0), 0.0)
        return squared if bias is None else squared + (bias - self.best_bias(matrix)) ** 2

    def best_bias(self, kernel: np.ndarray) -> np.ndarray:
        """Return the bias that makes a kernel's mean output right."""
        return self.output_mean - np.sum(self.patch_mean * kernel.reshape(self.cross.shape), axis=0)

    def regularized(self, kernel: np.ndarray, share: float) -> ChannelMoments:
        """Return the moments with a ridge that draws fits towards a kernel, see `Moments.regularized`."""
        matrix = kernel.reshape(self.cross.shape)
        area = len(self.cross)
        power = np.trace(self.gram, axis1=1, axis2=2) / area
        noise = share * np.where(power > 0, power, power.max() or 1.0)
        return dataclasses.replace(
            self,
            gram=self.gram + noise[:, None, None] * np.eye(area),
            cross=self.cross + noise * matrix,
            power=self.power + noise * np.sum(matrix**2, axis=0),
        )


def channel_moments(
    old: LayerInputs, layer: Layer, new: LayerInputs | None = None, now: Layer | None = None, kept: Slice | None = None
) -> ChannelMoments:
    """Return the moments of what comes to a depthwise convolution and of what it should give.

    Args:
        old: what comes to the layers of the original.
        layer: that of it, whose outputs are right.
        new: what comes to the layers now; None: the same.
        now: the layer where it stands now.
        kept: what stays of it.
    """
    matrix, bias = matrix_of(layer), bias_of(layer)
    outputs = slice(None) if kept is None else kept.outputs

    def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        others = _windows(old, layer) if new is None or now is None else _windows(new, now)
        for right, x in zip(_windows(old, layer), others, strict=True):
            yield x, (np.einsum("pko,ko->po", right, matrix) + bias)[:, outputs]

    return ChannelMoments.of_windows(pairs())


def _windows(come: LayerInputs, layer: Layer) -> Iterator[np.ndarray]:
    """Yield each output's windows at some places, always the same: (places, k * k, outputs)."""
    generator = np.random.default_rng(0)
    window = Window(
        kernel_size=layer.kernel_size, strides=layer.strides, dilation_rate=layer.dilation_rate, padding=layer.padding
    )
    area = math.prod(layer.kernel_size)
    for batch in come.of(layer):
        for x in batch:
            patches = extract_patches(x, window)
            found = patches[drawn_places(patches.shape, PLACES, generator)].reshape(-1, area, x.shape[-1])
            yield np.repeat(found, layer.depth_multiplier, axis=2).astype("float64")
