"""The dense convolutions of a model, over images or series: which can be separated, and what that costs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import keras
import numpy as np

from sepzoo.layers.factorization import Factorization
from sepzoo.layers.keras_convolutions import CONVOLUTIONS_1D_2D
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.name_patterns import fits
from sepzoo.support.types import Layer
from sepzoo.surgery.algebra.patches import Window
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.runs import Run, runs_of
from sepzoo.surgery.walk.sites import Site

_IMAGES = 2
"""Axes of images beside samples and channels."""


@dataclasses.dataclass(frozen=True, eq=False)
class DenseConv:
    """A dense k x k convolution where it stands; one over series counts as one over images of width 1.

    Attributes:
        site: the layer and its surroundings.
        runs: what it takes and gives whenever it runs for one sample.
    """

    site: Site
    runs: Sequence[Run]

    @property
    def sized(self) -> bool:
        """Whether the model says how large images are."""
        return not any(0 in shape for run in self.runs for shape in (run.taken, *run.given))

    @property
    def input_positions(self) -> int:
        """Pixels that it takes in all its runs; where the model leaves sizes open, its strides."""
        if not self.sized:
            return math.prod(self.site.layer.strides)
        return sum(math.prod(run.taken[:-1]) for run in self.runs)

    @property
    def output_positions(self) -> int:
        """Pixels that it gives in all its runs; where the model leaves sizes open, 1."""
        return sum(math.prod(run.given[0][:-1]) for run in self.runs) if self.sized else 1

    @property
    def name(self) -> str:
        """The layer's name; in a nested model "model/layer"."""
        return self.site.name

    @property
    def kernel(self) -> np.ndarray:
        """Its kernel in double precision: (height, width, inputs, filters)."""
        kernel = np.asarray(keras.ops.convert_to_numpy(self.site.layer.kernel), "float64")
        return kernel if self.rank == _IMAGES else kernel[:, None]

    @property
    def rank(self) -> int:
        """Number of its axes beside samples and channels: 1 of series, 2 of images."""
        return len(self.site.layer.kernel_size)

    @property
    def bias(self) -> np.ndarray:
        """Its bias in double precision; zeros where it has none."""
        layer = self.site.layer
        if not layer.use_bias:
            return np.zeros(layer.filters)
        return np.asarray(keras.ops.convert_to_numpy(layer.bias), "float64")

    @property
    def channels(self) -> int:
        """Number of input channels."""
        return self.site.layer.kernel.shape[-2]

    def own(self, weights: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return kernels (height, width, …) and biases as layers of its rank hold them, in single precision."""
        flat = self.rank < _IMAGES
        return [(weight[:, 0] if flat and weight.ndim > 1 else weight).astype("float32") for weight in weights]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all calls."""
        return math.prod(self.site.layer.kernel.shape) * self.output_positions

    def no_cheaper_as(self, kind: Factorization) -> str:
        """Return why it stays dense if another kind takes no fewer multiply-accumulates, else an empty text."""
        macs = self.macs_as(kind)
        if macs < self.macs:
            return ""
        if not self.sized:
            return "it would take no fewer MACs"
        return f"it would take {macs:,} MACs, no fewer than its {self.macs:,}"

    def macs_as(self, kind: Factorization) -> int:
        """Return the multiply-accumulates that a layer of another kind takes in its place.

        The 1 x 1 steps before the k x k step run at the input's resolution. So a strided layer in the order "pw_dw"
        takes more than the papers' formula says, which counts them at the output's: ResNet18 with one term a layer
        0.408 instead of 0.337 billion (docs/counting.md).
        """
        positions, total = self.input_positions, 0
        for step in kind.steps(self.channels, self.site.layer.filters):
            if step.spatial:
                positions = self.output_positions
            total += positions * step.weights(math.prod(self.site.layer.kernel_size))
        return total


def window_of(layer: Layer) -> Window:
    """Return where a convolution looks; over series as over images of width 1."""
    beside = (1,) * (_IMAGES - len(layer.kernel_size))
    return Window(
        kernel_size=(*layer.kernel_size, *beside),
        strides=(*layer.strides, *beside),
        dilation_rate=(*layer.dilation_rate, *beside),
        padding=layer.padding,
    )


def as_images(samples: np.ndarray) -> np.ndarray:
    """Return samples as images, series (samples, steps, channels) as those of width 1."""
    return samples if samples.ndim == _IMAGES + 2 else samples[:, :, None]


def dense_convs(
    plan: Plan, keep: str | Sequence[str] = (), *, pointwise: bool = False, series: bool = True
) -> list[DenseConv]:
    """Return the dense convolutions of a plan's model that can be separated; the others are skipped.

    Args:
        plan: of a functional or built Sequential model.
        keep: names of layers that stay, with shell wildcards; "net/conv" or "conv" for a layer of a nested model.
        pointwise: whether 1 x 1 convolutions are meant too.
        series: whether those over series are.

    Raises:
        SepzooError: a model that `rewrite` refuses, a name that no layer has, or weights that are not finite.

    Example:
        >>> layers = [keras.layers.Conv2D(4, 3, name="a"), keras.layers.Conv2D(4, 1, name="b")]
        >>> plan = Plan(keras.Sequential([keras.Input((8, 8, 3)), *layers]))
        >>> [(dense.name, dense.macs) for dense in dense_convs(plan)], plan.finish()[1].changes[0].skipped
        ([('a', 3888)], 'it is 1 x 1')
    """
    is_kept = keeper(plan.sites, keep)
    runs = runs_of(plan.model)
    found = []
    for site in plan.sites:
        if not isinstance(site.layer, CONVOLUTIONS_1D_2D):
            continue
        reason = "it was to be kept" if is_kept(site) else _obstacle(site.layer, pointwise, series)
        if reason:
            plan.skip(site, reason)
            continue
        dense = DenseConv(site, runs[id(site.layer)])
        if not (np.isfinite(dense.kernel).all() and np.isfinite(dense.bias).all()):
            raise SepzooError(
                f"expected finite weights. Received: NaN or infinite values in {site.name!r}. "
                "Train the model again, or load another checkpoint."
            )
        found.append(dense)
    return found


def keeper(sites: Sequence[Site], keep: str | Sequence[str]) -> Callable[[Site], bool]:
    """Return what tells whether a layer is to be kept: whether a pattern names it, as in `is_named`.

    Raises:
        SepzooError: a pattern that names no layer.
    """
    patterns = (keep,) if isinstance(keep, str) else tuple(keep)
    for pattern in patterns:
        if not any(is_named(site, pattern) for site in sites):
            raise unknown("layer to keep", pattern, [site.name for site in sites])
    return lambda site: any(is_named(site, pattern) for pattern in patterns)


def is_named(site: Site, pattern: str) -> bool:
    """Return whether a pattern with shell wildcards names a layer, in a nested model by its path or its own name."""
    return any(fits(name, pattern) for name in (site.name, site.layer.name))


def _obstacle(layer: Layer, pointwise: bool, series: bool) -> str:
    """Return why a convolution can't be separated, or an empty text."""
    if len(layer.kernel_size) < _IMAGES and not series:
        return "it is over series"
    if layer.groups > 1:
        return f"it has {layer.groups} groups"
    if math.prod(layer.kernel_size) == 1 and not pointwise:
        return "it is 1 x 1" if len(layer.kernel_size) == _IMAGES else "its window is 1"
    if type(layer) not in CONVOLUTIONS_1D_2D:
        return f"its class {type(layer).__module__}.{type(layer).__name__} is not Keras's own"
    if layer.data_format != "channels_last":
        return f"its data format is {layer.data_format}"
    if layer.padding == "causal":
        return "its padding is causal"
    if layer.kernel_constraint is not None:
        return f"its kernel is constrained ({type(layer.kernel_constraint).__name__}), which factors can't be alike"
    return ""
