"""What each choice for a layer does to its outputs, in closed form, and to the answers, by what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from sepzoo.shrinking.network import Network, NetworkLayer
from sepzoo.shrinking.records import matrix_of
from sepzoo.shrinking.trial import Map, Trial
from sepzoo.shrinking.ways import KEEP, Fits, Way
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.regression import RIDGE
from sepzoo.surgery.pruning.regressors import bias_of, channels_of

T = TypeVar("T")

MEASURED = 4
"""So many choices of a layer and a technique are measured; the factors of those between them are interpolated."""
LEAST = 1e-9
"""Divergence, in nats, of which nothing but rounding is left."""


class LayerErrors:
    """Errors of a layer's outputs, weighted by their information, times what the answers were seen to make of them.

    Args:
        network: of which the layer is one.
        layer: the layer.
        moments: of what it looks at and gives.
        information: of its outputs, (outputs,).
    """

    def __init__(self, network: Network, layer: NetworkLayer, moments: Moments, information: np.ndarray) -> None:
        self.network, self.layer, self.moments, self.information = network, layer, moments, information
        self.matrix, self.bias = matrix_of(layer.channels.layer), bias_of(layer.channels.layer)
        self.regularized = moments.regularized(self.matrix, RIDGE)
        self._known: dict[str, Way] = {}
        self._fits: Fits | None = None
        self.ways: dict[str, Map] = {KEEP: (self.matrix, self.bias)}
        self._squared = {KEEP: np.zeros_like(self.bias)}
        self._factors = {KEEP: 1.0}
        levels = range(1 if layer.source is None else len(network.groups[layer.source].gone))
        self.inputs: list[Map] = [self._without(level) for level in levels]
        self._lost = [moments.squared_errors(*each) for each in self.inputs]
        self._lost[0] = np.zeros_like(self.bias)
        self._lost_factors = [1.0] * len(self._lost)

    def add(self, ways: Sequence[Way]) -> None:
        """Find out what ways do."""
        if not ways or self.layer.record is None:
            return
        self._fits = Fits(self.layer.record, self.moments, self.regularized)
        for way in ways:
            matrix = way.kernel(self._fits).reshape(self.matrix.shape)
            bias = self.moments.best_bias(matrix)
            self.ways[str(way)] = _as_held(matrix, bias)
            self._known[str(way)] = way
            self._squared[str(way)] = self.moments.squared_errors(matrix, bias)
            self._factors[str(way)] = 1.0

    def scale(self, trial: Trial) -> None:
        """Measure what some of the errors do to the answers, and scale all by that; these ways are carried out."""
        for technique in dict.fromkeys(way.technique for way in self._known.values()):
            names = [name for name, way in self._known.items() if way.technique == technique]
            errors = [self._closed_form(self._squared[name]) for name in names]
            slow = [self._known[name].slow for name in names]
            self._factors.update(zip(names, self._measured(trial, errors, names, self._made, slow), strict=True))
        errors = [self._closed_form(each) for each in self._lost[1:]]
        self._lost_factors[1:] = self._measured(trial, errors, self.inputs[1:], lambda each: each)

    def error(self, way: str, source: int, target: int) -> float:
        """Return the divergence that is expected of a way, at levels of the inputs and outputs."""
        squared = self._factors[way] * self._squared[way] + self._lost_factors[source] * self._lost[source]
        return self._closed_form(squared, target)

    def _closed_form(self, squared: np.ndarray, target: int = 0) -> float:
        weighted = self.information * squared
        if target and self.layer.target is not None:
            weighted = weighted[self.network.kept(self.layer, 0, target).outputs]
        return 0.5 * float(weighted.sum())

    def _made(self, name: str) -> Map:
        """Carry a way out, and return its map."""
        assert self._fits is not None
        made = self._known[name].made(self._fits)
        self.ways[name] = _as_held(made.kernel.reshape(self.matrix.shape), made.bias)
        return self.ways[name]

    def _measured(
        self,
        trial: Trial,
        errors: Sequence[float],
        of: Sequence[T],
        made: Callable[[T], Map],
        slow: Sequence[bool] = (),
    ) -> list[float]:
        """Return for each error the factor that makes it what was measured, on some of what they are of; none is slow.

        Those beyond what was measured get the factor of the nearest.
        """
        order = [place for place in np.argsort(errors, kind="stable").tolist() if errors[place] > LEAST]
        usable = [place for place in order if not any(slow[place : place + 1])]
        if not usable:
            return [1.0] * len(errors)
        steps = np.linspace(0, len(usable) - 1, min(MEASURED, len(usable))).round().astype(int)
        chosen = [usable[step] for step in dict.fromkeys(steps.tolist())]
        seen = [max(trial.divergence({self.layer.name: made(of[place])}), LEAST) for place in chosen]
        known = np.log([errors[place] for place in chosen])
        logs = np.interp(np.log(np.maximum(errors, LEAST)), known, np.log(seen) - known)
        return np.exp(logs).tolist()

    def _without(self, level: int) -> Map:
        """Return the map that is best where the inputs of a level are gone."""
        if level == 0 or not self.layer.fitted:  # a depthwise one's outputs go with them
            return self.matrix, self.bias
        kept = self.network.kept(self.layer, level, 0).inputs
        rows = np.flatnonzero(np.isin(channels_of(self.layer.channels.layer)[0], kept))
        matrix = np.zeros_like(self.matrix)
        matrix[rows] = np.linalg.solve(self.regularized.gram[np.ix_(rows, rows)], self.regularized.cross[rows])
        return matrix, self.moments.best_bias(matrix)


def _as_held(matrix: np.ndarray, bias: np.ndarray) -> Map:
    """Return a map in the type that layers hold it in, as there is one for each of many ways."""
    return matrix.astype("float32"), bias.astype("float32")
