"""A copy of a network in which layers get other kernels for a moment, to see what that does to the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from sepzoo.records.outputs import Output
from sepzoo.shrinking.divergence import answers, divergence
from sepzoo.shrinking.network import Network
from sepzoo.surgery.pruning.regressors import assign, bias_of, matrices_of
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.rewriting import rewrite
from sepzoo.surgery.walk.sites import sites

Map = tuple[np.ndarray, np.ndarray]
"""A layer's matrix, (values that it looks at, outputs), and its bias."""


class Trial:
    """A network on samples.

    Args:
        network: which is only read.
        inputs: the samples.
        outputs: what it gives.
    """

    def __init__(self, network: Network, inputs: ModelInputs, outputs: Sequence[Output]) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.model: keras.Model = rewrite(network.model, lambda site: None)[0]
        self.layers = {site.name: site.layer for site in sites(self.model)}
        self.right = answers(self.model, inputs)

    def divergence(self, maps: Mapping[str, Map]) -> float:
        """Return how far the answers are from the right ones where layers, by their names, have other maps."""
        own = {name: (matrices_of(self.layers[name])[0], bias_of(self.layers[name])) for name in maps}
        for name, (matrix, bias) in maps.items():
            assign(self.layers[name], [matrix], bias)
        found = answers(self.model, self.inputs)
        for name, (matrix, bias) in own.items():
            assign(self.layers[name], [matrix], bias)
        return divergence(self.outputs, self.right, found)
