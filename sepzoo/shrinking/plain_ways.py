"""Ways for layers other than dense convolutions: dense layers of low rank, depthwise ones with a smaller window."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from sepzoo.shrinking.steps import Step
from sepzoo.shrinking.ways import Fits, Made, Way, Window
from sepzoo.surgery.walk.rewriting import Part, Replacement
from sepzoo.surgery.walk.verification import SameOutputs

LIKE_THE_MAP = SameOutputs(exact=False)
"""The layer has the new map already when it is replaced; the whole model gives what that makes of it."""


@dataclasses.dataclass(frozen=True)
class ReducedDense(Way):
    """A dense layer as two of low rank."""

    rank: int
    technique = "lowrank"

    def __str__(self) -> str:
        return f"dense_rank {self.rank}"

    def applies(self, window: Window) -> bool:
        """Return whether a layer can be computed so."""
        return True

    def steps(self, window: Window, inputs: int, outputs: int) -> tuple[Step, ...]:
        """Return its operators."""
        rank = min(self.rank, inputs, outputs)
        return window.dense(inputs, rank, name="_reduced", bias="none"), window.dense(rank, outputs)

    def kernel(self, fits: Fits) -> np.ndarray:
        """Return a kernel near to it."""
        left, right = fits.factors
        return left[:, : self.rank] @ right[: self.rank]

    def made(self, fits: Fits) -> Made:
        """Carry it out."""
        first, second = fits.even_factors(self.rank)
        kernel = first @ second
        bias = fits.moments.best_bias(kernel)
        layer, rank = fits.record.site.layer, first.shape[1]
        config = layer.get_config()
        changes = {"units": rank, "use_bias": False, "activation": None, "activity_regularizer": None}
        parts = (
            Part(
                keras.layers.Dense.from_config({**config, **changes, "name": f"{layer.name}_reduced"}),
                [first.astype("float32")],
            ),
            Part(keras.layers.Dense.from_config(config), [second.astype("float32"), bias.astype("float32")]),
        )
        action = f"{rank} values between, output error {fits.moments.error(kernel):.4f}"
        return Made(kernel, bias, Replacement(parts, action), LIKE_THE_MAP)


@dataclasses.dataclass(frozen=True)
class SmallerDepthwise(Way):
    """A depthwise 5 x 5 convolution as a 3 x 3 one, fitted anew."""

    technique = "smaller"

    def __str__(self) -> str:
        return "depthwise 3 x 3"

    def applies(self, window: Window) -> bool:
        """Return whether a layer can be computed so."""
        return window.kernel_size == (5, 5) and not window.valid

    def steps(self, window: Window, inputs: int, outputs: int) -> tuple[Step, ...]:
        """Return its operators."""
        return (window.spatial(outputs, outputs, depthwise=True, kernel_size=(3, 3)),)

    def kernel(self, fits: Fits) -> np.ndarray:
        """Return a kernel near to it."""
        inner = np.zeros((5, 5), bool)
        inner[1:-1, 1:-1] = True
        places = np.flatnonzero(inner)
        gram, cross = fits.regularized.gram[:, places[:, None], places], fits.regularized.cross[places]
        found = np.zeros((inner.size, cross.shape[1]))
        found[places] = np.linalg.solve(gram, cross.T[..., None])[..., 0].T
        return found.reshape(fits.kernel.shape)

    def made(self, fits: Fits) -> Made:
        """Carry it out."""
        kernel = self.kernel(fits)
        bias = fits.moments.best_bias(kernel)
        config = {**fits.record.site.layer.get_config(), "kernel_size": (3, 3)}
        part = Part(
            keras.layers.DepthwiseConv2D.from_config(config),
            [kernel[1:-1, 1:-1].astype("float32"), bias.astype("float32")],
        )
        action = f"3 x 3, output error {fits.moments.error(kernel):.4f}"
        return Made(kernel, bias, Replacement((part,), action), LIKE_THE_MAP)
