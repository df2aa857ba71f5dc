"""Other rules by which one choice for each layer is made; the solver is held against them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from sepzoo.shrinking.candidates import Candidate, expected, is_of, plainest
from sepzoo.shrinking.scores import Scores
from sepzoo.shrinking.ways import KEEP

FIRST_CUT, CUT_DECAY = 0.025, 0.96
"""Of NetAdapt: the share of the whole cost that the first round takes off, and by what it falls from round to round."""
SHARES = 100
LEVELS = 400


@dataclasses.dataclass(frozen=True)
class Assignment:
    """One candidate for each item, and the levels of the groups that they agree on."""

    picks: tuple[Candidate, ...]
    levels: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Ruled:
    """What rules need to know.

    Attributes:
        scores: of the network.
        items: the candidates of each item that may be chosen.
        cost: of a candidate.
        budget: that the costs may add up to.
    """

    scores: Scores
    items: Sequence[Sequence[Candidate]]
    cost: Callable[[Candidate], float]
    budget: float

    def by(self, rule: str) -> Assignment | None:
        """Return what a rule chooses, or None where it finds nothing within the budget.

        - "even": of each technique the least share of cost that all layers, or groups of channels, are cut to alike; of
          these choices the one of the least expected error.
        - "equal_level" (AIMET): each layer and group takes what is cheapest among what alone errs no more than a level
          that is common to all of them.
        - "greedy" (NetAdapt): round by round each layer and group proposes a cut of at least so much cost, 2.5 % at
          first, and what errs least is done; here by the expected error instead of that after short training.
        """
        return _METHODS[rule](self)

    @cached_property
    def levels(self) -> list[list[int]]:
        """The levels of each group that there is to choose from."""
        return self.scores.levels_of(self.items)

    def total(self, assignment: Assignment) -> float:
        """Return what an assignment costs."""
        return sum(map(self.cost, assignment.picks))

    def _first(self, found: Iterator[Assignment]) -> Assignment | None:
        return next((each for each in found if self.total(each) <= self.budget * (1 + 1e-9)), None)

    def _even(self) -> Assignment | None:
        shares = np.linspace(1, 0, SHARES, endpoint=False)
        found = [
            self._first(self._cut(technique, float(share)) for share in shares) for technique in self.scores.techniques
        ]
        return min((each for each in found if each is not None), key=lambda each: expected(each.picks), default=None)

    def _cut(self, technique: str, share: float) -> Assignment:
        levels = [0] * len(self.scores.groups)
        if technique == "channels":
            for number, group in enumerate(self.scores.groups):
                left = {level: 1 - group.gone[level] / group.channels for level in self.levels[number]}
                levels[number] = next((level for level in left if left[level] <= share + 1e-9), max(left))
        picks = []
        for item, choices in enumerate(self._at(levels)):
            most = share * self.cost(self.scores.items[item].candidates[0])
            changed = (each for each in choices if each.way != KEEP and is_of((technique,), each))
            cut = [each for each in changed if self.cost(each) <= most]
            picks.append(max(cut, key=self.cost) if cut else plainest(choices))
        return Assignment(tuple(picks), tuple(levels))

    def _equal_level(self) -> Assignment | None:
        errors = np.unique([each.error for choices in self.items for each in choices])
        levels = errors if len(errors) <= LEVELS else np.quantile(errors, np.linspace(0, 1, LEVELS))
        lost = [{level: self._lost(number, level) for level in own} for number, own in enumerate(self.levels)]
        return self._first(self._up_to(float(level), lost) for level in levels)

    def _up_to(self, error: float, lost: Sequence[Mapping[int, float]]) -> Assignment:
        """Return what errs no more than this in each layer, and in each group by what its levels lose alone."""
        levels = [max((level for level in own if own[level] <= error), default=0) for own in lost]
        picks = []
        for choices in self._at(levels):
            plain = plainest(choices)
            picks.append(min((each for each in choices if each.error - plain.error <= error), key=self.cost))
        return Assignment(tuple(picks), tuple(levels))

    def _lost(self, group: int, level: int) -> float:
        levels = [0] * len(self.scores.groups)
        levels[group] = level
        return expected(map(plainest, self._at(levels)))

    def _greedy(self) -> Assignment | None:
        levels = (0,) * len(self.scores.groups)
        now = Assignment(tuple(map(plainest, self._at(levels))), levels)
        whole = cost = self.total(now)
        cut = FIRST_CUT * whole
        while cost > self.budget * (1 + 1e-9):
            proposals = [each for each in self._cuts(now) if self.total(each) <= cost - cut]
            if not proposals:
                cut /= 2
                if cut < 1e-6 * whole:
                    return None
                continue
            now = min(proposals, key=lambda each: expected(each.picks))
            cost, cut = self.total(now), cut * CUT_DECAY
        return now

    def _cuts(self, now: Assignment) -> Iterator[Assignment]:
        """Yield what becomes of one change of one layer or one group."""
        for item, choices in enumerate(self._at(now.levels)):
            for each in choices:
                yield Assignment((*now.picks[:item], each, *now.picks[item + 1 :]), now.levels)
        for number, own in enumerate(self.levels):
            for level in own[own.index(now.levels[number]) + 1 :]:
                levels = (*now.levels[:number], level, *now.levels[number + 1 :])
                picks = (
                    next((each for each in choices if each.way == pick.way), plainest(choices))
                    for pick, choices in zip(now.picks, self._at(levels), strict=True)
                )
                yield Assignment(tuple(picks), levels)

    def _at(self, levels: Sequence[int]) -> list[list[Candidate]]:
        """Return the candidates of each item at levels of the groups."""
        found = []
        for item, choices in zip(self.scores.items, self.items, strict=True):
            own = tuple(0 if number is None else levels[number] for number in item.groups)
            found.append([each for each in choices if each.levels == own])
        return found


_METHODS: Mapping[str, Callable[[Ruled], Assignment | None]] = {
    "even": Ruled._even,
    "equal_level": Ruled._equal_level,
    "greedy": Ruled._greedy,
}
