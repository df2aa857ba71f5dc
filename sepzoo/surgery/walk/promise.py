"""What surgery promises of a new layer, checked before anybody gets it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from sepzoo.support.errors import SepzooError
from sepzoo.surgery.algebra.patches import windows_on
from sepzoo.surgery.approximate.dense import DenseConv
from sepzoo.surgery.walk.rewriting import Replacement

ROUNDING = 1e-5
LOOSE = 1e-2  # processors multiply in less than float32 at times (TF32), and a wrong layer is wrong by 1
HALF = 0.1


@dataclasses.dataclass(frozen=True, eq=False)
class Promise:
    """That a replacement computes the convolution it replaces, with a kernel that is close to the original's.

    Attributes:
        dense: what is replaced.
        replacement: a chain of layers.
        kernel: the dense kernel that the chain stands for.
        bias: of each filter.
        lost: the squared norm of what the kernel leaves out of the original's, or None where none was promised.
    """

    dense: DenseConv
    replacement: Replacement
    kernel: np.ndarray
    bias: np.ndarray
    lost: float | None = None

    def check(self) -> None:
        """Hold the built layers against the promise.

        Raises:
            SepzooError: the kernel's distance or the layers' answers are others; the layer is named.
        """
        if self.lost is not None:
            original = self.dense.kernel
            distance, promised = np.linalg.norm(original - self.kernel), np.sqrt(self.lost)
            _hold(self.dense.name, "the kernel", abs(distance - promised), ROUNDING * float(np.linalg.norm(original)))
        layer = self.dense.site.layer
        images = self._images(layer)
        pixels = windows_on(images, layer).reshape(-1, self.kernel.size // layer.filters)
        before_activation = pixels @ self.kernel.reshape(-1, layer.filters) + self.bias
        answer: Any = keras.ops.convert_to_tensor(images, dtype="float32")
        for part in self.replacement.parts:
            answer = part.layer(answer)
        found = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(answer, "float32")), "float64")
        wanted = layer.activation(keras.ops.reshape(keras.ops.cast(before_activation, "float32"), found.shape))
        expected = keras.ops.convert_to_numpy(wanted)
        scale = max(float(np.abs(expected).max()), float(np.abs(before_activation).max()))
        _hold(self.dense.name, "the output", float(np.abs(found - expected).max()), tolerance(layer) * scale)

    def _images(self, layer: Any) -> np.ndarray:
        """Return noise of the least size at which the window stands on several places."""
        sizes = [
            rate * (size - 1) + 1 + 2 * step
            for size, rate, step in zip(layer.kernel_size, layer.dilation_rate, layer.strides, strict=True)
        ]
        return np.random.default_rng(0).normal(size=(1, *sizes, self.dense.channels))


def tolerance(layer: Any) -> float:
    """Return how far rounding may bring a layer's outputs, as a share of their size."""
    return LOOSE if layer.compute_dtype in ("float32", "float64") else HALF


def check_all(promises: Iterable[Promise]) -> None:
    """Check each promise.

    Raises:
        SepzooError: one is not kept.
    """
    for promise in promises:
        promise.check()


def _hold(name: str, what: str, found: float, allowed: float) -> None:
    if not found <= allowed + 1e-12:  # so that NaN is caught too
        raise SepzooError(
            f"layer {name!r}: expected {what} of its replacement within {allowed:.1e} of what was promised. "
            f"Received: {found:.1e} off. No model is returned. Name the layer in keep=, and report this."
        )
