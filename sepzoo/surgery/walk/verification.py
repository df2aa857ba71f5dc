"""Verification of new layers, before the rewritten model is returned."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import keras
import numpy as np

from sepzoo.layers.graph import run
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Layer, Tensor
from sepzoo.surgery.walk.rewriting import Replacement
from sepzoo.surgery.walk.sites import Shape, Site

IMAGES = 4
PLACES = 2
"""Noise is so large that the last layer's window stands on this many places along each axis."""
FAINT = 1e-3
"""A channel fainter than this, beside the loudest one, may be off by as much as if it were so loud."""
LOOSE = 1e-2  # processors multiply in less than float32 at times (TF32), and a wrong layer is wrong by 1
HALF = 0.1


class Verification(Protocol):
    """What is checked of new layers, once they have their weights."""

    @property
    def exact(self) -> bool:
        """Whether the whole model must then give the outputs that it gave before."""

    def check(self, row: Sequence[Site], replacement: Replacement) -> None:
        """Hold a replacement against the row of layers that it replaces; raises a `SepzooError` that names them."""


@dataclasses.dataclass(frozen=True)
class SameOutputs:
    """Verify that new layers give, to rounding, the outputs of those that they replace.

    Attributes:
        training: whether both are run as in training, where twins differ from what they are twins of.
        exact: always.
    """

    training: bool = False
    exact: bool = True

    def check(self, row: Sequence[Site], replacement: Replacement) -> None:
        """Run both on the same noise, a few pixels wide, and compare each channel.

        Raises:
            SepzooError: the new layers' weights are not finite, or they give something else; the old ones are named.
        """
        if not all(is_finite(part.layer) for part in replacement.parts):
            culprits = [site for site in row if not is_finite(site.layer)] or row
            raise SepzooError(
                f"expected finite weights. Received: NaN or infinite values in {_names(culprits)}. "
                "Train the model again, or load another checkpoint."
            )
        noise = [keras.ops.convert_to_tensor(each, dtype="float32") for each in noise_for(row)]
        expected: Tensor = noise if len(noise) > 1 else noise[0]
        with keras.StatelessScope():  # keeps statistics, and penalties on outputs, from being added to the layers
            found = replacement(expected, training=self.training)
            for site in row:
                expected = run(site.layer, (expected,), {}, training=self.training)
        allowed = max(tolerance(site.layer) for site in row)
        pairs = zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True)
        off = max(distance(as_array(new), as_array(old), _channel_axis(row)) for new, old in pairs)
        if not off <= allowed:  # so that NaN is caught too
            raise SepzooError(
                f"expected the same outputs from what replaces {_names(row)}, to {allowed:g} of a channel's "
                f"largest. Received: outputs that are {off:.1e} of it off. No model is returned; please report this."
            )


@dataclasses.dataclass(frozen=True)
class SameModelOutputs:
    """That the whole model gives the same outputs, of a layer whose own ones nobody but replaced layers gets.

    Attributes:
        exact: always.
    """

    exact: bool = True

    def check(self, row: Sequence[Site], replacement: Replacement) -> None:
        """Leave it to the comparison of the models."""


def tolerance(layer: Layer) -> float:
    """Return how far rounding may bring a layer's outputs, as a share of their size."""
    return LOOSE if layer.compute_dtype in ("float32", "float64") else HALF


def noise_for(row: Sequence[Site]) -> list[np.ndarray]:
    """Return the same random values every time for each input of a row of layers, no wider than the model's own."""
    generator = np.random.default_rng(0)
    return [
        generator.normal(size=(IMAGES, *_noise_shape(row, tuple(tensor.shape)))) for tensor in row[0].calls[0].inputs
    ]


def _noise_shape(row: Sequence[Site], shape: Shape) -> list[int]:
    first = _channel_axis(row) == 1
    _batch, *sizes = shape
    channels = (sizes.pop(0 if first else -1) or 0) if sizes else 0
    wanted = [PLACES] * len(sizes)
    for layer in (site.layer for site in reversed(row)):
        if hasattr(layer, "kernel_size"):
            geometry = zip(wanted, layer.strides, layer.dilation_rate, layer.kernel_size, strict=True)
            wanted = [(places - 1) * step + rate * (size - 1) + 1 for places, step, rate, size in geometry]
        elif not isinstance(getattr(layer, "padding", ""), str):  # at an edge that is reflected there must be enough
            wanted = [max(places, 1 + max(pair)) for places, pair in zip(wanted, layer.padding, strict=True)]
    given = [most if size is None else min(size, most) for size, most in zip(sizes, wanted, strict=True)]
    if len(shape) == 1:
        return []
    return [channels, *given] if first else [*given, channels]


def _channel_axis(row: Sequence[Site]) -> int:
    return 1 if any(getattr(site.layer, "data_format", "") == "channels_first" for site in row) else -1


def distance(found: np.ndarray, expected: np.ndarray, channel_axis: int) -> float:
    """Return the largest error of a channel as a share of its largest value."""
    if found.shape != expected.shape:
        return float("inf")
    error, size = (
        np.abs(np.moveaxis(y, channel_axis, 0)).reshape(y.shape[channel_axis], -1).max(axis=1)
        for y in (found - expected, expected)
    )
    with np.errstate(invalid="ignore"):
        shares = error / np.maximum(np.maximum(size, FAINT * size.max()), np.finfo("float32").tiny)
    return float(shares.max())


def as_array(tensor: Tensor) -> np.ndarray:
    """Return a tensor of any float type as a NumPy array."""
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")))


def is_finite(layer: Layer) -> bool:
    """Return whether all that a layer holds is."""
    return all(np.isfinite(as_array(variable)).all() for variable in layer.variables if "float" in str(variable.dtype))


def require_finite(sites: Sequence[Site]) -> None:
    """Raise a `SepzooError` where a layer holds NaN or infinite values."""
    broken = [site for site in sites if not is_finite(site.layer)]
    if broken:
        raise SepzooError(
            f"expected finite weights. Received: NaN or infinite values in {_names(broken)}. Train the model again, or "
            "load another checkpoint."
        )


def _names(sites: Sequence[Site]) -> str:
    return ", ".join(repr(site.name) for site in sites)
