"""How alike the slices of trained kernels are: which separation fits which layer."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from sepzoo.layers import FactorizedConv
from sepzoo.layers.graph import layers_of
from sepzoo.layers.keras_convolutions import CONVOLUTIONS, DEPTHWISE, SEPARABLE
from sepzoo.support.csv_file import write_csv
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import counted
from sepzoo.support.table import table
from sepzoo.support.types import Json, Kwargs, Layer

_BY_CHANNEL = DEPTHWISE + SEPARABLE


@dataclasses.dataclass(frozen=True)
class LayerCorrelation:
    """The first component's share of a layer's kernels, 0 … 1; means over filters or input channels.

    Attributes:
        layer: its name; in a nested model "model/layer".
        kind: its class.
        window: height and width.
        inputs: channels that one filter sees.
        filters: number of filters; of a depthwise layer the number of its k x k kernels.
        along_depth: of the slices of one filter (intra-kernel), the mean left in: the share of the filter that its best
            blueprint keeps (BSConv-U, or one "pw_dw" term). For a depthwise layer, of all its kernels.
        along_depth_centred: the same after the mean slice is taken off, as the BSConv paper measures it.
        across_kernels: of the slices of all filters on one input channel (cross-kernel), the mean left in: the share
            that one "dw_pw" term keeps. None for a depthwise layer.
        across_kernels_centred: the same after the mean slice is taken off.
        chance_along_depth: what `along_depth` is for independent normal numbers of this shape.
        chance_across_kernels: likewise.
    """

    layer: str
    kind: str
    window: tuple[int, ...]
    inputs: int
    filters: int
    along_depth: float | None
    along_depth_centred: float | None
    across_kernels: float | None
    across_kernels_centred: float | None
    chance_along_depth: float
    chance_across_kernels: float | None

    @property
    def fits(self) -> str:
        """The order whose single term keeps more of the kernel: "pw_dw", "dw_pw", or "" where there is no choice."""
        if self.along_depth is None or self.across_kernels is None:
            return ""
        return "pw_dw" if self.along_depth >= self.across_kernels else "dw_pw"


@dataclasses.dataclass(frozen=True)
class KernelCorrelations:
    """The correlations of each layer of a model; print it for a table."""

    model: str
    layers: tuple[LayerCorrelation, ...]

    def to_json(self) -> str:
        """Return all of it as JSON."""
        return json.dumps({**dataclasses.asdict(self), "layers": [self._row(layer) for layer in self.layers]}, indent=1)

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write one line a layer."""
        rows = [self._row(layer) for layer in self.layers]
        header = [*(field.name for field in dataclasses.fields(LayerCorrelation)), "fits"]
        plain = [{**row, "window": "x".join(map(str, row["window"]))} for row in rows]
        return write_csv(path, header, [list(row.values()) for row in plain])

    def __str__(self) -> str:
        shares = ("along_depth", "along_depth_centred", "across_kernels", "across_kernels_centred")
        header = [
            "layer",
            "kind",
            "kernels",
            "along depth",
            "centred",
            "across kernels",
            "centred",
            "by chance",
            "fits",
        ]
        rows = []
        for each in self.layers:
            size = "x".join(map(str, (*each.window, each.inputs, each.filters)))
            chances = (each.chance_along_depth, each.chance_across_kernels)
            chance = " / ".join(f"{share:.3f}" for share in chances if share is not None)
            found = (_text(getattr(each, name)) for name in shares)
            rows.append([each.layer, each.kind, size, *found, chance, each.fits])
        return table(header, rows, left=3)

    def _row(self, layer: LayerCorrelation) -> dict[str, Json]:
        return {**dataclasses.asdict(layer), "fits": layer.fits}


def kernel_correlations(model: keras.Model) -> KernelCorrelations:
    """Measure in every layer with a window how much of its kernels one component explains.

    A trained filter of M x k x k numbers is taken as M samples of k * k numbers, as in the BSConv paper (sec. 3.1); the
    share is the first singular value's square by the sum of all squares. Centred, it is the first explained-variance
    ratio of a principal component analysis; uncentred, what the blueprint model keeps, as that fits without a mean.
    Layers of window 1 have no such share; filters of zeros are left out of the means.

    Args:
        model: functional or Sequential, trained; nested models are looked into, factorized layers too.

    Raises:
        SepzooError: a subclassed or unbuilt model, a model without any such layer, or weights that are not finite.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), keras.layers.Conv2D(32, 3, name="conv")])
        >>> found = kernel_correlations(model).layers[0]
        >>> found.layer, found.inputs, found.filters, round(found.chance_along_depth, 1)
        ('conv', 16, 32, 0.3)
    """
    once: dict[int, tuple[str, Layer]] = {}
    for name, layer in _with_factors(model):
        once.setdefault(id(layer), (name, layer))
    found = []
    for name, layer in counted(once.values(), len(once), "layers"):
        record = _measured(name, layer)
        if record is not None:
            found.append(record)
    if not found:
        raise SepzooError(f"expected a model with a convolution of more than 1 x 1. Received: {model.name!r} without.")
    return KernelCorrelations(model.name, tuple(found))


def _with_factors(model: keras.Model) -> Iterator[tuple[str, Layer]]:
    for name, layer in layers_of(model):
        if isinstance(layer, FactorizedConv):
            yield from ((f"{name}_{factor.name}", factor) for factor in layer.factors)
        else:
            yield name, layer


def _measured(name: str, layer: Layer) -> LayerCorrelation | None:
    if not isinstance(layer, CONVOLUTIONS + _BY_CHANNEL) or math.prod(layer.kernel_size) == 1:
        return None
    weight = layer.depthwise_kernel if hasattr(layer, "depthwise_kernel") else layer.kernel
    kernel = np.asarray(keras.ops.convert_to_numpy(weight), "float64")
    if not np.isfinite(kernel).all():
        raise SepzooError(
            f"expected finite weights. Received: NaN or infinite values in {name!r}. "
            "Train the model again, or load another checkpoint."
        )
    area, inputs, filters = math.prod(layer.kernel_size), *kernel.shape[-2:]
    slices = np.moveaxis(kernel.reshape(area, inputs, filters), 0, -1)  # (inputs, filters, positions)
    general: Kwargs = {"layer": name, "kind": type(layer).__name__, "window": tuple(layer.kernel_size)}
    if isinstance(layer, _BY_CHANNEL):
        bank = slices.reshape(1, -1, area)
        return LayerCorrelation(
            **general,
            inputs=1,
            filters=bank.shape[1],
            along_depth=_share(bank),
            along_depth_centred=_share(bank, centred=True),
            across_kernels=None,
            across_kernels_centred=None,
            chance_along_depth=chance(bank.shape[1], area),
            chance_across_kernels=None,
        )
    of_filters = np.swapaxes(slices, 0, 1)
    of_inputs = slices.reshape(inputs, layer.groups, -1, area).reshape(inputs * layer.groups, -1, area)
    return LayerCorrelation(
        **general,
        inputs=inputs,
        filters=filters,
        along_depth=_share(of_filters),
        along_depth_centred=_share(of_filters, centred=True),
        across_kernels=_share(of_inputs),
        across_kernels_centred=_share(of_inputs, centred=True),
        chance_along_depth=chance(inputs, area),
        chance_across_kernels=chance(filters // layer.groups, area),
    )


def _share(matrices: np.ndarray, *, centred: bool = False) -> float | None:
    """Return the first component's mean share in matrices of (samples x positions); None where all are zero."""
    if centred:
        matrices = matrices - matrices.mean(axis=1, keepdims=True)
    energies = np.linalg.eigvalsh(np.swapaxes(matrices, 1, 2) @ matrices)
    total = energies.sum(axis=1)
    alive = total > 1e-12 * max(float(total.max()), 1e-300)  # what is left of a constant by rounding is zero
    return float(np.mean(energies[alive, -1] / total[alive])) if alive.any() else None


@functools.cache
def chance(samples: int, positions: int) -> float:
    """Return the first component's mean share for independent normal numbers, by simulation.

    Example:
        >>> round(chance(1, 9), 2), round(chance(1000, 9), 1)
        (1.0, 0.1)
    """
    draws = np.random.default_rng(0).normal(size=(128, min(samples, 1024), positions))
    share = _share(draws)
    assert share is not None
    return share


def _text(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"
