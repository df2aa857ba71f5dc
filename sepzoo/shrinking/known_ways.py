"""All ways: sums of separable terms, blueprints, factors of low rank, columns and rows, a smaller window."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import keras
import numpy as np

from sepzoo.layers.factorization import Order, bsconv_s, bsconv_u
from sepzoo.layers.kinds import conv2d
from sepzoo.shrinking.plain_ways import ReducedDense, SmallerDepthwise
from sepzoo.shrinking.steps import Bias, Places, Step
from sepzoo.shrinking.ways import Fits, Made, Way, Window
from sepzoo.surgery.algebra.expansion import Terms
from sepzoo.surgery.algebra.regression import low_rank
from sepzoo.surgery.approximate.channel_decomposition import ChannelDecomposition, channel_factors
from sepzoo.surgery.approximate.low_rank import Factors, two_layers
from sepzoo.surgery.approximate.separable_layer import arguments_of, separated
from sepzoo.surgery.approximate.spatial_decomposition import SpatialDecomposition
from sepzoo.surgery.approximate.verification import KernelVerification
from sepzoo.surgery.walk.rewriting import Part, Replacement

EVERY_TERM = 6
"""Up to so many terms each number is a way, and fitted at once; the time of a fit rises with the cube of the number."""


@dataclasses.dataclass(frozen=True)
class Decoupled(Way):
    """A sum of depthwise separable terms (network decoupling); one term in the order pw_dw is BSConv-U."""

    order: Order
    count: int
    technique = "decouple"

    def __str__(self) -> str:
        return f"{self.order} {self.count}"

    @property
    def slow(self) -> bool:
        """Whether it has many terms."""
        return self.order == "pw_dw" and self.count > EVERY_TERM

    def steps(self, window: Window, inputs: int, outputs: int) -> tuple[Step, ...]:
        """Return its operators."""
        rows = self._pointwise_first if self.order == "pw_dw" else self._depthwise_first
        return tuple(rows(window, inputs, outputs))

    def _pointwise_first(self, window: Window, inputs: int, outputs: int) -> Iterator[Step]:
        """Yield terms, each added to those before it as soon as it is there."""
        for number in range(self.count):
            name = f"_{number + 1}" if self.count > 1 else ""
            yield window.pointwise(inputs, outputs, window.taken, name=f"_pointwise{name}", bias="none", first=True)
            bias: Bias = "zeros" if number else "own"
            yield window.spatial(outputs, outputs, depthwise=True, name=f"_depthwise{name}", bias=bias)
            if number:
                yield Step("add", outputs, outputs, window.given, window.given, runs=window.runs, name="_sum")

    def _depthwise_first(self, window: Window, inputs: int, outputs: int) -> Iterator[Step]:
        """Yield depthwise steps side by side, whose channels one pointwise step takes together."""
        for number in range(self.count):
            name = f"_depthwise_{number + 1}" if self.count > 1 else "_depthwise"
            yield window.spatial(inputs, inputs, depthwise=True, name=name, bias="none", first=True)
        every, given = self.count * inputs, window.given
        if self.count > 1:
            yield Step("concat", every, every, given, given, runs=window.runs, terms=self.count, name="_terms")
        yield window.pointwise(every, outputs, given, name="_pointwise")

    def kernel(self, fits: Fits) -> np.ndarray:
        """Return a kernel near to it."""
        return fits.terms(self.order).truncated(self.count).kernel

    def made(self, fits: Fits) -> Made:
        """Carry it out."""
        found = fits.separable(self.order, self.count)
        action = f"{self.count} terms ({self.order}), output error {found.error:.4f}"
        replacement, verification = separated(fits.dense, found.terms, action, bias=found.bias)
        return Made(found.kernel, found.bias, replacement, verification)


@dataclasses.dataclass(frozen=True)
class Blueprint(Way):
    """BSConv-S of a number of mid channels; of 0 BSConv-U."""

    mid: int
    technique = "bsconv"

    def __str__(self) -> str:
        return f"bsconv_s {self.mid}" if self.mid else "bsconv_u"

    def steps(self, window: Window, inputs: int, outputs: int) -> tuple[Step, ...]:
        """Return its operators."""
        mid = min(self.mid, inputs, outputs)
        names = ("_pointwise_1", "_pointwise_2") if self.mid else ("", "_pointwise")
        reduced = [window.pointwise(inputs, mid, window.taken, name=names[0], bias="none")] if self.mid else []
        last = window.pointwise(mid or inputs, outputs, window.taken, name=names[1], bias="none")
        return (*reduced, last, window.spatial(outputs, outputs, depthwise=True, name="_depthwise"))

    def kernel(self, fits: Fits) -> np.ndarray:
        """Return a kernel near to it."""
        terms = fits.terms("pw_dw").truncated(1)
        return terms.kernel if not self.mid else self._reduced(fits, terms)[1].kernel

    def made(self, fits: Fits) -> Made:
        """Carry it out."""
        dense = fits.dense
        found = fits.separable("pw_dw", 1)
        if not self.mid:
            action = f"its blueprints, output error {found.error:.4f}"
            return Made(
                found.kernel,
                found.bias,
                *separated(dense, found.terms, action, bias=found.bias, kind=bsconv_u()),
            )
        basis, terms = self._reduced(fits, found.terms)
        mid, inputs = basis.shape[1], dense.channels
        kind = bsconv_s(p=(mid - 0.5) / inputs, min_mid_channels=1, orthonormal=0.0)
        bias = fits.moments.best_bias(terms.kernel)
        inside = np.linalg.lstsq(basis, terms.channel_vectors[:, 0].T, rcond=None)[0]
        even = Terms("pw_dw", terms.spatial_filters, inside.T[:, None]).balanced()
        depthwise, pointwise = even.keras_kernels()
        layer = dense.site.layer
        new = conv2d(kind, layer.filters, layer.kernel_size, **{**arguments_of(layer), "use_bias": True})
        part = Part(new, [each.astype("float32") for each in (basis[None, None], pointwise, depthwise, bias)])
        action = f"its blueprints on {mid} of {inputs} channels, output error {fits.moments.error(terms.kernel):.4f}"
        return Made(terms.kernel, bias, Replacement((part,), action), KernelVerification(dense, terms.kernel, bias))

    def _reduced(self, fits: Fits, terms: Terms) -> tuple[np.ndarray, Terms]:
        """Return a basis of the input channels, and terms whose vectors lie in it; the spatial filters fit them."""
        height, width, inputs, filters = fits.kernel.shape
        area, mid = height * width, min(self.mid, inputs)
        gram = fits.regularized.gram.reshape(area, inputs, area, inputs)
        lengths = np.linalg.norm(terms.spatial_filters.reshape(filters, -1), axis=1)
        vectors = (terms.channel_vectors[:, 0] * lengths[:, None]).T
        metric = np.einsum("kikj->ij", gram)
        left, right = low_rank(metric, metric @ vectors, mid)
        basis = np.linalg.qr(left)[0]
        vectors = left @ right
        cross = fits.regularized.cross.reshape(area, inputs, filters)
        right_sides = np.einsum("kio,io->ok", cross, vectors, optimize=True)
        half = np.tensordot(gram, vectors, axes=(3, 0))  # (area, inputs, area, filters)
        systems = np.einsum("kilo,io->okl", half, vectors, optimize=True)
        systems += 1e-9 * np.trace(systems, axis1=1, axis2=2)[:, None, None] * np.eye(area) + 1e-30 * np.eye(area)
        spatial = np.linalg.solve(systems, right_sides[..., None])[..., 0]
        return basis, Terms("pw_dw", spatial.reshape(filters, 1, height, width), vectors.T[:, None])


@dataclasses.dataclass(frozen=True)
class Reduced(Way):
    """A convolution to fewer channels, and a 1 x 1 one to all of them; of a 1 x 1 convolution two of low rank."""

    rank: int
    technique = "lowrank"

    def __str__(self) -> str:
        return f"rank {self.rank}"

    def applies(self, window: Window) -> bool:
        """Return whether a convolution can be computed so."""
        return True

    def steps(self, window: Window, inputs: int, outputs: int) -> tuple[Step, ...]:
        """Return its operators."""
        rank = min(self.rank, outputs, inputs * window.kernel_size[0] * window.kernel_size[1])
        return (
            window.spatial(inputs, rank, name="_reduced", bias="none"),
            window.pointwise(rank, outputs, window.given, name="_pointwise"),
        )

    def kernel(self, fits: Fits) -> np.ndarray:
        """Return a kernel near to it."""
        left, right = fits.factors
        return (left[:, : self.rank] @ right[: self.rank]).reshape(fits.kernel.shape)

    def made(self, fits: Fits) -> Made:
        """Carry it out."""
        first, second = fits.even_factors(self.rank)
        rank = len(second)
        kernel = (first @ second).reshape(fits.kernel.shape)
        bias = fits.moments.best_bias(kernel)
        action = f"{rank} channels between, output error {fits.moments.error(kernel):.4f}"
        factors = channel_factors(first.reshape(*fits.kernel.shape[:3], rank), second, bias, action)
        replacement = two_layers(ChannelDecomposition(), fits.dense.site.layer, factors)
        return Made(kernel, bias, replacement, KernelVerification(fits.dense, kernel, bias))


@dataclasses.dataclass(frozen=True)
class Spatial(Way):
    """A k x 1 convolution to fewer channels, and a 1 x k one to all of them."""

    rank: int
    technique = "spatial"

    def __str__(self) -> str:
        return f"spatial {self.rank}"

    def applies(self, window: Window) -> bool:
        """Return whether a convolution can be computed so."""
        return min(window.kernel_size) > 1

    def steps(self, window: Window, inputs: int, outputs: int) -> tuple[Step, ...]:
        """Return its operators."""
        (height, width), (down, right) = window.kernel_size, window.strides
        between, rank = (window.given[0], window.taken[1]), self._most(window.kernel_size, inputs, outputs)
        vertical = window.spatial(
            inputs, rank, kernel_size=(height, 1), strides=(down, 1), given=between, name="_vertical", bias="none"
        )
        horizontal = window.spatial(
            rank, outputs, kernel_size=(1, width), strides=(1, right), taken=between, name="_horizontal"
        )
        return vertical, horizontal

    def kernel(self, fits: Fits) -> np.ndarray:
        """Return a kernel near to it."""
        seen, system, right = fits.columns
        rank = min(self.rank, seen.shape[2])
        size = seen.shape[1] * rank
        own, target = system[:, :rank, :, :rank].reshape(size, size), right[:, :rank].reshape(size, -1)
        even = own + (1e-9 * np.trace(own) / size + 1e-30) * np.eye(size)
        return (seen[:, :, :rank].reshape(-1, size) @ np.linalg.solve(even, target)).reshape(fits.kernel.shape)

    def made(self, fits: Fits) -> Made:
        """Carry it out."""
        # A bias in any case, as the layers before it have changed:
        factors = dataclasses.replace(self._factors(fits), squared_error=None)
        replacement = two_layers(SpatialDecomposition(), fits.dense.site.layer, factors)
        return Made(
            factors.kernel, factors.bias, replacement, KernelVerification(fits.dense, factors.kernel, factors.bias)
        )

    def _factors(self, fits: Fits) -> Factors:
        height, width, inputs, outputs = fits.kernel.shape
        rank = self._most((height, width), inputs, outputs)
        return SpatialDecomposition().fitted_to(fits.dense, rank, fits.moments)

    def _most(self, kernel_size: Places, inputs: int, outputs: int) -> int:
        """Return the rank that there is room for: channels may have gone."""
        return min(self.rank, kernel_size[0] * inputs, kernel_size[1] * outputs)


@dataclasses.dataclass(frozen=True)
class SmallerWindow(Way):
    """A 5 x 5 convolution as a 3 x 3 one, fitted anew."""

    technique = "smaller"

    def __str__(self) -> str:
        return "3 x 3"

    def applies(self, window: Window) -> bool:
        """Return whether a convolution can be computed so."""
        return window.kernel_size == (5, 5) and not window.valid

    def steps(self, window: Window, inputs: int, outputs: int) -> tuple[Step, ...]:
        """Return its operators."""
        return (window.spatial(inputs, outputs, kernel_size=(3, 3)),)

    def kernel(self, fits: Fits) -> np.ndarray:
        """Return a kernel near to it."""
        height, width, inputs, filters = fits.kernel.shape
        inner = np.zeros((height, width, inputs), bool)
        inner[1:-1, 1:-1] = True
        rows = np.flatnonzero(inner)
        gram, cross = fits.regularized.gram[np.ix_(rows, rows)], fits.regularized.cross[rows]
        found = np.zeros((inner.size, filters))
        found[rows] = np.linalg.solve(gram, cross)
        return found.reshape(fits.kernel.shape)

    def made(self, fits: Fits) -> Made:
        """Carry it out."""
        kernel = self.kernel(fits)
        bias = fits.moments.best_bias(kernel)
        config = {**fits.dense.site.layer.get_config(), "kernel_size": (3, 3)}
        part = Part(
            keras.layers.Conv2D.from_config(config),
            [kernel[1:-1, 1:-1].astype("float32"), bias.astype("float32")],
        )
        action = f"3 x 3, output error {fits.moments.error(kernel):.4f}"
        return Made(kernel, bias, Replacement((part,), action), KernelVerification(fits.dense, kernel, bias))


def way_of(name: str) -> Way:
    """Return the way of a name.

    Example:
        >>> [str(way_of(name)) for name in ("pw_dw 2", "bsconv_s 8", "rank 4", "depthwise 3 x 3")]
        ['pw_dw 2', 'bsconv_s 8', 'rank 4', 'depthwise 3 x 3']
    """
    word, _, number = name.partition(" ")
    if word in ("pw_dw", "dw_pw"):
        return Decoupled(word, int(number))  # type: ignore[arg-type]
    if word in ("bsconv_s", "bsconv_u"):
        return Blueprint(int(number or 0))
    if word == "3":
        return SmallerWindow()
    if word == "depthwise":
        return SmallerDepthwise()
    ranked: dict[str, Callable[[int], Way]] = {"rank": Reduced, "spatial": Spatial, "dense_rank": ReducedDense}
    return ranked[word](int(number))
