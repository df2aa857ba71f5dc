"""Channels that can only go together: disjoint sets of numbered channels, by union and find."""

from __future__ import annotations

import numpy as np


class ChannelSets:
    """Numbered channels in disjoint sets, some of which must stay.

    Example:
        >>> sets = ChannelSets()
        >>> a, b = sets.new(3, "a"), sets.new(3, "b")
        >>> sets.unite(a, b)
        >>> sets.keep(b[:1], "somebody needs it")
        >>> sets.roots(a).tolist() == sets.roots(b).tolist(), sets.reasons(a)
        (True, ('somebody needs it',))
    """

    def __init__(self) -> None:
        self.makers: list[str] = []
        self._parents: list[int] = []
        self._reasons: dict[int, str] = {}  # by root

    def __len__(self) -> int:
        return len(self._parents)

    def new(self, count: int, maker: str, reason: str = "") -> np.ndarray:
        """Return the numbers of new channels, each in a set of its own.

        Args:
            count: how many.
            maker: the layer that gives them.
            reason: why they must stay, if so.
        """
        numbers = np.arange(len(self), len(self) + count)
        self._parents += numbers.tolist()
        self.makers += [maker] * count
        if reason:
            self.keep(numbers, reason)
        return numbers

    def find(self, number: int) -> int:
        """Return the number that stands for a channel's set."""
        root = number
        while self._parents[root] != root:
            root = self._parents[root]
        while self._parents[number] != root:
            self._parents[number], number = root, self._parents[number]
        return root

    def unite(self, one: np.ndarray, other: np.ndarray) -> None:
        """Let each channel of one row go together with that at the same place of another row."""
        for left, right in zip(one.tolist(), other.tolist(), strict=True):
            first, second = sorted((self.find(left), self.find(right)))
            if first != second:
                self._parents[second] = first
                reason = self._reasons.pop(second, "")
                if reason:
                    self._reasons.setdefault(first, reason)

    def keep(self, numbers: np.ndarray, reason: str) -> None:
        """Say why channels must stay; the first reason counts."""
        for number in numbers.tolist():
            self._reasons.setdefault(self.find(number), reason)

    def roots(self, numbers: np.ndarray) -> np.ndarray:
        """Return for each channel what stands for its set."""
        return np.array([self.find(number) for number in numbers.tolist()], int)

    def reason(self, number: int) -> str:
        """Return why a channel must stay, or an empty text."""
        return self._reasons.get(self.find(number), "")

    def reasons(self, numbers: np.ndarray) -> tuple[str, ...]:
        """Return why channels must stay, each reason once."""
        return tuple(dict.fromkeys(reason for number in numbers.tolist() if (reason := self.reason(number))))
