"""Layers that ways are for, where they stand: convolutions, and others by the same names."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.shrinking.simplifying import narrows
from sepzoo.support.types import Layer
from sepzoo.surgery.approximate.dense_convolutions import DenseConv
from sepzoo.surgery.pruning.regressors import bias_of, matrices_of
from sepzoo.surgery.walk.runs import Run
from sepzoo.surgery.walk.sites import Site


@dataclasses.dataclass(frozen=True, eq=False)
class PlainLayer:
    """A dense layer or a depthwise convolution where it stands.

    Attributes:
        site: the layer and its surroundings.
    """

    site: Site

    @property
    def kernel(self) -> np.ndarray:
        """Its kernel in double precision."""
        return np.asarray(keras.ops.convert_to_numpy(self.site.layer.kernel), "float64")

    @property
    def bias(self) -> np.ndarray:
        """Its bias in double precision."""
        return bias_of(self.site.layer)


Record = DenseConv | PlainLayer


def record_of(site: Site, runs: Sequence[Run]) -> Record | None:
    """Return the record of a layer that there are ways for; None of another one."""
    if type(site.layer) is keras.layers.Conv2D:
        return DenseConv(site, runs)
    return PlainLayer(site) if type(site.layer) is keras.layers.Dense or narrows(site.layer) else None


def matrix_of(layer: Layer) -> np.ndarray:
    """Return what a layer of one group multiplies what it looks at by, (values, outputs).

    Of a depthwise convolution each output's column is for the window of its own channel.
    """
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel = np.asarray(keras.ops.convert_to_numpy(layer.kernel), "float64")
        return kernel.reshape(math.prod(layer.kernel_size), -1)
    return matrices_of(layer)[0]
