"""Verification of layers that approximate a dense convolution."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Layer, Tensor
from sepzoo.surgery.algebra.patches import extract_patches
from sepzoo.surgery.approximate.dense_convolutions import DenseConv, as_images, window_of
from sepzoo.surgery.walk.rewriting import Replacement
from sepzoo.surgery.walk.sites import Site
from sepzoo.surgery.walk.verification import tolerance

ROUNDING = 1e-5


@dataclasses.dataclass(frozen=True, eq=False)
class KernelVerification:
    """Verify that new layers compute the convolution of a known kernel, and that its stated error is the true one.

    Attributes:
        dense: what is replaced.
        kernel: the dense kernel that the new layers stand for.
        bias: of each filter.
        squared_error: the squared norm of the kernel's difference to the original's, or None where that is not known.
        exact: never.
    """

    dense: DenseConv
    kernel: np.ndarray
    bias: np.ndarray
    squared_error: float | None = None
    exact: bool = False

    def check(self, row: Sequence[Site], replacement: Replacement) -> None:
        """Hold the built layers against NumPy's convolution of noise with the kernel.

        Raises:
            SepzooError: the kernel's distance or the layers' outputs are others; the layer is named.
        """
        layer, original = row[0].layer, self.dense.kernel
        if self.squared_error is not None:
            distance, computed = np.linalg.norm(original - self.kernel), np.sqrt(self.squared_error)
            _hold(self.dense.name, "the kernel", abs(distance - computed), ROUNDING * float(np.linalg.norm(original)))
        samples = self._samples(layer)
        patches = extract_patches(as_images(samples), window_of(layer)).reshape(-1, self.kernel.size // layer.filters)
        before_activation = patches @ self.kernel.reshape(-1, layer.filters) + self.bias
        outputs: Tensor = replacement(keras.ops.convert_to_tensor(samples, dtype="float32"))
        found = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32")), "float64")
        wanted = layer.activation(keras.ops.reshape(keras.ops.cast(before_activation, "float32"), found.shape))
        expected = keras.ops.convert_to_numpy(wanted)
        scale = max(float(np.abs(expected).max()), float(np.abs(before_activation).max()))
        _hold(self.dense.name, "the output", float(np.abs(found - expected).max()), tolerance(layer) * scale)

    def _samples(self, layer: Layer) -> np.ndarray:
        """Return noise of the least size at which the window stands on several places."""
        reach = window_of(layer).reach[: self.dense.rank]
        sizes = [cover + 2 * step for cover, step in zip(reach, layer.strides, strict=True)]
        return np.random.default_rng(0).normal(size=(1, *sizes, self.dense.channels))


def _hold(name: str, what: str, found: float, allowed: float) -> None:
    if not found <= allowed + 1e-12:  # so that NaN is caught too
        raise SepzooError(
            f"layer {name!r}: expected {what} of its replacement within {allowed:.1e} of what was computed. "
            f"Received: {found:.1e} off. No model is returned. Name the layer in keep=, and report this."
        )
