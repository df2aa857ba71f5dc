"""What a way to compute a layer is: its costs, how near it comes, and its layers."""

from __future__ import annotations

import abc
import dataclasses
from functools import cached_property
from typing import Any

import numpy as np

from sepzoo.layers.factorization import Order
from sepzoo.shrinking.records import Record
from sepzoo.shrinking.steps import Places, Step
from sepzoo.surgery.algebra.expansion import Terms, expand
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.regression import RIDGE, Fit, fit, low_rank, weighted
from sepzoo.surgery.approximate.dense_convolutions import DenseConv
from sepzoo.surgery.approximate.spatial_decomposition import SpatialDecomposition
from sepzoo.surgery.walk.rewriting import Replacement
from sepzoo.surgery.walk.verification import Verification

KEEP = "keep"
"""The name of no other way."""


@dataclasses.dataclass(frozen=True)
class Window:
    """A convolution's surroundings, without its channels.

    Attributes:
        taken: rows and columns that it takes.
        given: rows and columns that it gives.
        kernel_size: of its window.
        strides: of its window.
        runs: how often it runs for one sample.
        valid: whether it stays within what it takes.
        again: whether the same convolution stands in the file already, for images of another size.
    """

    taken: Places
    given: Places
    kernel_size: Places
    strides: Places
    runs: int
    valid: bool
    again: bool = False

    def pointwise(self, inputs: int, outputs: int, places: Places, **changes: Any) -> Step:
        """Return a 1 x 1 step at some places; `changes` are fields of it."""
        return Step("conv", inputs, outputs, places, places, runs=self.runs, again=self.again, **changes)

    def dense(self, inputs: int, outputs: int, **changes: Any) -> Step:
        """Return the step of a dense layer; `changes` are fields of it."""
        return Step("dense", inputs, outputs, self.taken, self.given, runs=self.runs, again=self.again, **changes)

    def spatial(self, inputs: int, outputs: int, *, depthwise: bool = False, **changes: Any) -> Step:
        """Return the step with the window; `changes` are fields of it."""
        own = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return Step("depthwise" if depthwise else "conv", inputs, outputs, **{**own, **changes})


class Fits:
    """A layer's kernel and the moments of what it is to give, with what several ways need of both, computed once.

    Args:
        record: the layer, whose kernel is the best one of its size for the moments.
        moments: of its patches and right outputs.
        regularized: the moments with a ridge that draws fits towards that kernel, where they are known.
    """

    def __init__(self, record: Record, moments: Moments, regularized: Moments | None = None) -> None:
        self.record, self.moments, self.kernel = record, moments, record.kernel
        self.regularized = regularized or moments.regularized(self.kernel, RIDGE)
        self._terms: dict[str, Terms] = {}
        self._separable: dict[tuple[str, int], Fit] = {}

    @property
    def dense(self) -> DenseConv:
        """The layer, where it is a convolution of all channels."""
        assert isinstance(self.record, DenseConv)
        return self.record

    def terms(self, order: Order) -> Terms:
        """Return all terms of the kernel in the metric of the patches."""
        if order not in self._terms:
            self._terms[order] = weighted(self.regularized, self.kernel, order)
        return self._terms[order]

    def separable(self, order: Order, count: int) -> Fit:
        """Return so many terms, fitted."""
        if (order, count) not in self._separable:
            self._separable[order, count] = fit(self.moments, expand(self.kernel, order), count, self.record.bias)
        return self._separable[order, count]

    @cached_property
    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """Both factors of the outputs' reduced-rank regression, of full rank: any first columns and rows are best."""
        rank = min(self.regularized.cross.shape)
        return low_rank(self.regularized.gram, self.regularized.cross, rank)

    @cached_property
    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What columns of full rank make of a patch, (k * k * inputs, width, rank), and its moments.

        Those are the covariance, (width, rank) twice, and that with the right outputs, (width, rank, outputs).
        """
        height, width, inputs, filters = self.kernel.shape
        rank = min(height * inputs, width * filters)
        vertical = SpatialDecomposition().data_free(self.dense, rank).first[:, 0]
        seen = np.einsum("hir,wv->hwivr", vertical, np.eye(width)).reshape(height * width * inputs, width * rank)
        system, right = seen.T @ self.regularized.gram @ seen, seen.T @ self.regularized.cross
        sides = (width, rank)
        return seen.reshape(-1, *sides), system.reshape(*sides, *sides), right.reshape(*sides, filters)

    def even_factors(self, rank: int) -> tuple[np.ndarray, np.ndarray]:
        """Return both factors of a rank, each column of the first as long as the second's row."""
        left, right = self.factors
        first, second = left[:, :rank], right[:rank]
        scale = np.sqrt(np.linalg.norm(second, axis=1) / np.maximum(np.linalg.norm(first, axis=0), 1e-30))
        scale = np.where(scale > 0, scale, 1.0)
        return first * scale, second / scale[:, None]


@dataclasses.dataclass(frozen=True)
class Made:
    """A way carried out: the kernel and bias that its layers stand for, the layers, and how they are verified."""

    kernel: np.ndarray
    bias: np.ndarray
    replacement: Replacement
    verification: Verification


class Way(abc.ABC):
    """A way to compute a layer. `str` is its name, by which `way_of` finds it again."""

    technique: str

    @property
    def slow(self) -> bool:
        """Whether carrying it out takes too long to do it only in order to see what it would do."""
        return False

    def applies(self, window: Window) -> bool:
        """Return whether a convolution of a window can be computed so."""
        return max(window.kernel_size) > 1

    @abc.abstractmethod
    def steps(self, window: Window, inputs: int, outputs: int) -> tuple[Step, ...]:
        """Return its operators for a number of channels."""

    @abc.abstractmethod
    def kernel(self, fits: Fits) -> np.ndarray:
        """Return a dense kernel near to that which the way will compute; the best bias goes with it."""

    @abc.abstractmethod
    def made(self, fits: Fits) -> Made:
        """Carry it out."""
