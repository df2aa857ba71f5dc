"""From scores and limits to one choice for each layer, and the curve of all that there is to choose from."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sepzoo.shrinking.budget import MEMORY, shown
from sepzoo.shrinking.candidates import Candidate, expected, is_of
from sepzoo.shrinking.memory_limit import Memory, peak
from sepzoo.shrinking.problem import Bound, Problem
from sepzoo.shrinking.rules import Ruled
from sepzoo.shrinking.scores import Item, Scores
from sepzoo.shrinking.settings import BEST, RULES, TECHNIQUES, takes_rules
from sepzoo.shrinking.solving import Solution, solve
from sepzoo.shrinking.ways import KEEP
from sepzoo.support.errors import SepzooError

FIELDS = {"macs": "macs", "kib": "bytes", "latency_ms": "latency_ms"}
"""Resource -> the field of a candidate that counts it."""


@dataclasses.dataclass(frozen=True)
class Whole:
    """How a sum over the layers becomes what the whole file costs: `factor * sum + rest`."""

    factor: float
    rest: float

    def of(self, total: float) -> float:
        """Return the cost of the file."""
        return self.factor * total + self.rest

    def sum(self, cost: float) -> float:
        """Return the sum that a file of this cost has."""
        return (cost - self.rest) / self.factor


@dataclasses.dataclass(frozen=True)
class Choice:
    """One candidate for each item.

    Attributes:
        candidates: in the order of the items.
        levels: of each group.
        costs: predicted, by resource.
        solution: how good it is, for what it was chosen by.
    """

    candidates: tuple[Candidate, ...]
    levels: tuple[int, ...]
    costs: Mapping[str, float]
    solution: Solution

    @property
    def expected(self) -> float:
        """By how much the answers are expected to diverge, in nats."""
        return expected(self.candidates)


@dataclasses.dataclass(frozen=True)
class Chooser:
    """Scores, and what their sums mean for the file.

    Attributes:
        scores: of the network.
        wholes: by resource.
        allowed: which candidates may be chosen; None: all. What keeps a layer as it is always may.
        rule: by which `proposals` chooses, see `sepzoo.shrinking.rules.check_rule`, which says what limits it takes.
        untouched: in words, which layers can't be made smaller and what to do about it.
    """

    scores: Scores
    wholes: Mapping[str, Whole]
    allowed: Callable[[Candidate], bool] | None = None
    rule: str = BEST
    untouched: str = ""

    def choose(self, limits: Mapping[str, float]) -> Choice:
        """Return the best choice within limits, by resource.

        Raises:
            SepzooError: the limits can't be kept; the least that can be is named, and what it would take.
        """
        items: Sequence[Sequence[Candidate]] = self.items()
        bounds: Sequence[Bound] = ()
        if MEMORY in limits:
            memory = Memory(self.scores, items)
            most = self.wholes[MEMORY].sum(limits[MEMORY]) * (1 + 1e-9)
            self._require_memory(memory, limits[MEMORY])
            memory = memory.within(most)
            items, bounds = memory.items, memory.bounds(most)
        sums = {name: self.wholes[name].sum(limit) for name, limit in limits.items() if name != MEMORY}
        found = solve(_problem(self.scores, items, sums, bounds=bounds))
        if found is None:
            raise self._too_little(items, limits)
        return self._choice(items, found)

    @property
    def advice(self) -> str:
        """What to do about a budget that can't be kept."""
        every = sum(map(len, self.items())) == sum(len(item.candidates) for item in self.scores.items)
        more = "" if every and {*TECHNIQUES} <= {*self.scores.techniques} else ", or allow more techniques"
        return f"Ask for more{more}. {self.untouched}".rstrip()

    def _require_memory(self, memory: Memory, limit: float) -> None:
        name, least = memory.least()
        needed = self.wholes[MEMORY].of(least)
        if needed > limit * (1 + 1e-9):
            raise SepzooError(
                f"expected a budget that can be kept, here at least {shown(MEMORY, needed, least=True)}: so much is in "
                f"it at {name!r}. Received: {shown(MEMORY, limit)}. {self.advice}"
            )

    def proposals(self, limits: Mapping[str, float], techniques: Sequence[str]) -> list[tuple[str, Choice]]:
        """Return the best choice within limits, then those of single techniques and of other rules, each once.

        They come by rising expected error. What is expected adds up errors of layers; what is built may turn out
        otherwise, so the first few are worth it.

        Args:
            limits: by resource.
            techniques: that are tried alone; those that can't keep the limits are left out, as are rules.

        Raises:
            SepzooError: see `choose`.
        """
        best = self.choose(limits)
        if self.rule != BEST:
            return [(self.rule, self._by_rule(self.rule, limits, best))]
        ways: dict[str, Callable[[], Choice]] = {
            technique: functools.partial(self._alone(technique).choose, limits) for technique in techniques
        }
        if takes_rules(tuple(limits)):
            ways |= {f"all, {rule}": functools.partial(self._by_rule, rule, limits, best) for rule in RULES}
        others: dict[tuple[Candidate, ...], tuple[str, Choice]] = {}
        for name, way in ways.items():
            with contextlib.suppress(SepzooError):
                choice = way()
                others.setdefault(choice.candidates, (name, choice))
        others.pop(best.candidates, None)
        return [("all", best), *sorted(others.values(), key=lambda each: each[1].solution.error)]

    def _alone(self, technique: str) -> Chooser:
        return dataclasses.replace(self, allowed=functools.partial(is_of, (technique,)))

    def _by_rule(self, rule: str, limits: Mapping[str, float], best: Choice) -> Choice:
        """Return what a rule chooses; how good it is, is known by the best choice."""
        ((resource, limit),) = limits.items()
        budget = self.wholes[resource].sum(limit)
        found = Ruled(self.scores, self.items(), functools.partial(_cost, resource=resource), budget).by(rule)
        if found is None:
            raise SepzooError(
                f"expected a budget that the rule {rule!r} can keep. Received: {shown(resource, limit)}. Ask for more."
            )
        places = [choices.index(pick) for choices, pick in zip(self.items(), found.picks, strict=True)]
        proven = dataclasses.replace(best.solution, picks=tuple(places), error=expected(found.picks), exact=False)
        return self._choice(self.items(), proven)

    def least(self, resource: str) -> Choice:
        """Return the choice that takes least of a resource."""
        return self._least(self.items(), resource)

    def _least(self, items: Sequence[Sequence[Candidate]], resource: str) -> Choice:
        found = solve(_problem(self.scores, items, {}, least=resource))
        assert found is not None
        return self._choice(items, found)

    def curve(self, resource: str, points: int = 12) -> list[Choice]:
        """Return the best choices from the least that can be reached up to the network as it is.

        Args:
            resource: that is limited.
            points: how many budgets.
        """
        least = self.least(resource).costs[resource]
        whole = self.wholes[resource].of(sum(_cost(item.candidates[0], resource) for item in self.scores.items))
        return [self.choose({resource: limit}) for limit in np.linspace(least, whole, points)]

    def items(self) -> list[list[Candidate]]:
        """Return the candidates of each item that may be chosen."""
        return [
            [each for each in item.candidates if self.allowed is None or _plain(each) or self.allowed(each)]
            for item in self.scores.items
        ]

    def _choice(self, items: Sequence[Sequence[Candidate]], found: Solution) -> Choice:
        candidates = tuple(choices[pick] for choices, pick in zip(items, found.picks, strict=True))
        levels = [0] * len(self.scores.groups)
        for item, candidate in zip(self.scores.items, candidates, strict=True):
            for number, level in zip(item.groups, candidate.levels, strict=True):
                if number is not None:
                    levels[number] = level
        costs = {
            name: whole.of(
                peak(self.scores, candidates, levels)
                if name == MEMORY
                else sum(_cost(each, name) for each in candidates)
            )
            for name, whole in self.wholes.items()
        }
        return Choice(candidates, tuple(levels), costs, found)

    def _too_little(self, items: Sequence[Sequence[Candidate]], limits: Mapping[str, float]) -> SepzooError:
        for resource, limit in limits.items():
            if resource == MEMORY:
                continue
            least = self._least(items, resource)
            if least.costs[resource] > limit * (1 + 1e-9):
                gone = sum(level > 0 for level in least.levels)
                changed = sum(each.way != KEEP for each in least.candidates)
                needed = shown(resource, least.costs[resource], least=True)
                return SepzooError(
                    f"expected a budget that can be kept, here at least {needed}: that takes another way in "
                    f"{changed} of {len(items)} layers and fewer channels in {gone} of {len(least.levels)} "
                    f"groups, for an expected divergence of {least.expected:.3g} nats. Received: "
                    f"{shown(resource, limit)}. {self.advice}"
                )
        told = ", ".join(shown(*each) for each in limits.items())
        return SepzooError(
            f"expected budgets that can be kept together. Received: {told}; each alone could be. Ask for more of one."
        )


def _plain(candidate: Candidate) -> bool:
    return candidate.way == KEEP and candidate.levels == (0, 0)


def _cost(candidate: Candidate, resource: str) -> float:
    return float(getattr(candidate, FIELDS[resource]))


def _problem(
    scores: Scores,
    items: Sequence[Sequence[Candidate]],
    sums: Mapping[str, float],
    least: str | None = None,
    bounds: Sequence[Bound] = (),
) -> Problem:
    """Return the problem of sums, by resource; or of the least sum of one."""
    columns = [_columns(item) for item in scores.items]
    values = [np.array([each.error if least is None else _cost(each, least) for each in choices]) for choices in items]
    return Problem(
        errors=tuple(values),
        costs={name: tuple(np.array([_cost(each, name) for each in choices]) for choices in items) for name in sums},
        budgets=sums,
        levels=tuple(
            np.array([[each.levels[side] for side in sides.values()] for each in choices], int).reshape(
                len(choices), len(sides)
            )
            for choices, sides in zip(items, columns, strict=True)
        ),
        groups=tuple(tuple(sides) for sides in columns),
        sizes=tuple(len(each.gone) for each in scores.groups),
        bounds=tuple(bounds),
    )


def _columns(item: Item) -> dict[int, int]:
    """Return for each group of an item the side that it is at: 0 of the inputs, 1 of the outputs."""
    return {number: side for side, number in enumerate(item.groups) if number is not None}
