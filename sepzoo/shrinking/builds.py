"""Networks of choices: one that comes again is not built again."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import keras
import numpy as np

from sepzoo.shrinking.building import Built, build
from sepzoo.shrinking.choosing import Choice
from sepzoo.shrinking.divergence import Distance, answers, distance
from sepzoo.shrinking.network import Network
from sepzoo.shrinking.scores import Scores
from sepzoo.shrinking.work import Work
from sepzoo.surgery.walk.model_inputs import ModelInputs

MOST = 12
"""So many networks are in memory, the last ones."""


@dataclasses.dataclass(frozen=True, eq=False)
class Builds:
    """What becomes of a network by choices.

    Attributes:
        network: as it is.
        scores: what is chosen from.
        inputs: samples as its model takes them, to fit to.
        held: other samples, on which choices are compared.
    """

    network: Network
    scores: Scores
    inputs: ModelInputs
    held: ModelInputs
    _known: dict[tuple[object, ...], tuple[Built, Distance]] = dataclasses.field(default_factory=dict, init=False)

    @cached_property
    def right(self) -> list[np.ndarray]:
        """Answers of the network as it is to the other samples."""
        return answers(self.network.model, self.held)

    def of(self, choice: Choice, work: Work) -> tuple[Built, Distance]:
        """Return the network of a choice and how far its answers lie."""
        ways = {item.layer: each.way for item, each in zip(self.scores.items, choice.candidates, strict=True)}
        key = (*ways.items(), choice.levels)
        if key not in self._known:
            built = build(self.network, ways, choice.levels, self.inputs, work.kept_of(choice))
            off = distance(work.classifier.outputs, self.right, answers(built.model, self.held))
            if len(self._known) == MOST:
                del self._known[next(iter(self._known))]
            self._known[key] = built, off
        return self._known[key]

    def give_away(self, model: keras.Model) -> None:
        """Forget a network that somebody else has from now on, and may change."""
        for key in [key for key, (built, _distance) in self._known.items() if built.model is model]:
            del self._known[key]
