"""What the low-rank decompositions share: which layers are taken, fitted to what, and the two that they become."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Arrays, Kwargs, Layer
from sepzoo.surgery.approximate.dense_convolutions import DenseConv, dense_convs
from sepzoo.surgery.approximate.fitting import Patches, fit_through
from sepzoo.surgery.approximate.verification import KernelVerification
from sepzoo.surgery.exact.folding import fold
from sepzoo.surgery.walk.model_inputs import model_inputs
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement


@dataclasses.dataclass(frozen=True, eq=False)
class Factors:
    """Two convolutions for one.

    Attributes:
        first: kernel of the first one, as Keras holds it.
        second: of the second one.
        kernel: the dense kernel that the two stand for.
        bias: of each filter.
        action: for the report.
        squared_error: of the kernel; None where the factors were fitted to samples.
    """

    first: np.ndarray
    second: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray
    action: str
    squared_error: float | None = None

    def noting(self, error: float, data_free: float) -> Factors:
        """Return the factors with their output error, and that of the data-free ones, in the action."""
        return dataclasses.replace(self, action=f"{self.action}, output error {error:.4f} (data-free {data_free:.4f})")


class Decomposition(abc.ABC):
    """A way of writing a dense convolution as two over fewer channels.

    Attributes:
        names: what is appended to the layer's name for each of the two, after an underscore.
    """

    names: tuple[str, str]

    def obstacle(self, dense: DenseConv) -> str:
        """Return why a convolution can't be written so, or an empty text."""
        del dense
        return ""

    @abc.abstractmethod
    def rank(self, dense: DenseConv, ratio: float) -> int:
        """Return how many channels there are between the two."""

    @abc.abstractmethod
    def macs(self, dense: DenseConv, rank: int) -> int:
        """Return the multiply-accumulates of the two."""

    @abc.abstractmethod
    def data_free(self, dense: DenseConv, rank: int) -> Factors:
        """Return the factors whose kernel is nearest."""

    @abc.abstractmethod
    def fitted(self, dense: DenseConv, rank: int, batches: Iterator[Patches]) -> Factors:
        """Return factors that are better on patches and right outputs, or the data-free ones."""

    @abc.abstractmethod
    def geometry(self, layer: Layer) -> tuple[Kwargs, Kwargs]:
        """Return kernel size, strides and dilation of both."""


def decompose(
    model: keras.Model,
    way: Decomposition,
    *,
    ratio: float,
    keep: str | Sequence[str],
    only_if_cheaper: bool,
    data: Samples | Arrays | None,
) -> tuple[keras.Model, SurgeryReport]:
    """Write each dense k x k convolution of a model in one way, batch normalizations folded first.

    The arguments are those of `decompose_spatially` and `decompose_channels`, and so are the errors.
    """
    if not ratio > 0:
        raise SepzooError(f"expected a ratio above 0, by which weights shrink. Received: ratio={ratio}.")
    inputs = None if data is None else model_inputs(model, data)
    plan = Plan(model)
    fold(plan)
    ranks: dict[DenseConv, int] = {}
    for dense in dense_convs(plan, keep, series=False):
        rank = way.rank(dense, ratio)
        reason = way.obstacle(dense)
        if not reason and only_if_cheaper and way.macs(dense, rank) >= dense.macs:
            reason = f"its two factors would take no fewer than its {dense.macs:,} MACs"
        if reason:
            plan.skip(dense.site, reason)
        else:
            ranks[dense] = rank
    if inputs is None:
        found = [way.data_free(dense, rank) for dense, rank in ranks.items()]
    else:
        found = fit_through(
            plan.model, list(ranks), inputs, lambda dense, batches: way.fitted(dense, ranks[dense], batches)
        )
    for dense, factors in zip(ranks, found, strict=True):
        verification = KernelVerification(dense, factors.kernel, factors.bias, factors.squared_error)
        plan.replace(dense.site, two_layers(way, dense.site.layer, factors), verification)
    return plan.finish(inputs)


def two_layers(way: Decomposition, layer: Layer, factors: Factors) -> Replacement:
    """Return two convolutions in a row; the second one ends as the original does, with a bias if that is new."""
    biased = layer.use_bias or factors.squared_error is None
    between = {"filters": factors.first.shape[-1], "use_bias": False, "activation": None, "activity_regularizer": None}
    changes = (between, {"use_bias": biased})
    weights = ([factors.first], [factors.second, *([factors.bias] if biased else [])])
    parts = []
    for name, geometry, change, own in zip(way.names, way.geometry(layer), changes, weights, strict=True):
        config = {**layer.get_config(), **geometry, **change, "name": f"{layer.name}_{name}"}
        parts.append(Part(keras.layers.Conv2D.from_config(config), [weight.astype("float32") for weight in own]))
    return Replacement(tuple(parts), factors.action)
