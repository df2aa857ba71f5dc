"""A limit of memory: which choices keep it, and how those of several layers bind each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from sepzoo.shrinking.candidates import Candidate
from sepzoo.shrinking.memory import Moment
from sepzoo.shrinking.problem import Bound
from sepzoo.shrinking.scores import Scores


def peak(scores: Scores, candidates: Sequence[Candidate], levels: Sequence[int]) -> int:
    """Return the most bytes that are in memory at once.

    Args:
        scores: of a network.
        candidates: one for each of its items.
        levels: of each of its groups.
    """
    own = {item.layer: each.ram_bytes for item, each in zip(scores.items, candidates, strict=True)}
    return max((moment.bytes(levels) + own.get(moment.layer or "", 0) for moment in scores.moments), default=0)


@dataclasses.dataclass(frozen=True, eq=False)
class Memory:
    """What a network's choices need.

    Attributes:
        scores: of the network.
        items: the candidates of each of its items that may be chosen.
    """

    scores: Scores
    items: Sequence[Sequence[Candidate]]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each layer's item."""
        return {item.layer: number for number, item in enumerate(self.scores.items)}

    @cached_property
    def levels(self) -> list[list[int]]:
        """The levels of each group that there is to choose from."""
        return self.scores.levels_of(self.items)

    def least(self) -> tuple[str, int]:
        """Return the operator that needs most when each choice is that which needs least, and those bytes."""
        found = [
            (self._others(moment) + min(self._own(moment), default=0), moment.name) for moment in self.scores.moments
        ]
        least, name = max(found, default=(0, ""))
        return name, least

    def within(self, most: float) -> Memory:
        """Return it with the candidates alone that some choice of the others leaves room for, among so many bytes."""
        room = [most] * len(self.items)
        for moment in self.scores.moments:
            if moment.layer is not None:
                number = self.numbers[moment.layer]
                room[number] = min(room[number], most - self._others(moment))
        left = zip(self.items, room, strict=True)
        return Memory(self.scores, [[each for each in choices if each.ram_bytes <= size] for choices, size in left])

    def bounds(self, most: float) -> list[Bound]:
        """Return what binds choices to each other: moments at which not all of them have room."""
        found = []
        for moment in self.scores.moments:
            own = self._own(moment)
            groups = {number: np.array(values, float) for number, values in moment.groups}
            if moment.fixed + max(own, default=0) + sum(each.max() for each in groups.values()) > most and groups:
                item = None if moment.layer is None else (self.numbers[moment.layer], np.array(own, float))
                found.append(Bound(item, groups, most - moment.fixed))
        return found

    def _own(self, moment: Moment) -> list[int]:
        return [] if moment.layer is None else [each.ram_bytes for each in self.items[self.numbers[moment.layer]]]

    def _others(self, moment: Moment) -> int:
        """Return the least that is in memory beside what the layer itself takes and gives."""
        return moment.fixed + sum(
            min(values[level] for level in self.levels[number]) for number, values in moment.groups
        )
