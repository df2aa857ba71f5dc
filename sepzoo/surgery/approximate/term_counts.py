"""How many terms each layer gets."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import cached_property

from sepzoo.layers.factorization import separable
from sepzoo.support.errors import SepzooError
from sepzoo.surgery.algebra.allocation import Option, allocate
from sepzoo.surgery.algebra.expansion import Expansion
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.regression import RIDGE, weighted
from sepzoo.surgery.approximate.decoupling_report import UniformChoice
from sepzoo.surgery.approximate.dense_convolutions import DenseConv


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A dense convolution and the sum that may take its place; 0 terms mean that it stays dense.

    Attributes:
        dense: the convolution.
        expansion: of its kernel.
        moments: of its patches and outputs in the original model; None: the errors are those of the kernel.
    """

    dense: DenseConv
    expansion: Expansion
    moments: Moments | None = None

    @cached_property
    def errors(self) -> tuple[float, ...]:
        """Relative squared error of 0, 1, 2, … terms, in the kernel or, before the sweeps of a fit, in the outputs."""
        counts = range(1, self.expansion.rank + 1)
        if self.moments is None:
            return (0.0, *(self.expansion.relative_squared_error(count) for count in counts))
        terms = self.expansion.terms
        in_metric = weighted(self.moments.regularized(terms.kernel, RIDGE), terms.kernel, terms.order)
        free = [self.moments.error(terms.truncated(count).kernel, self.dense.bias) for count in counts]
        fitted = [self.moments.error(in_metric.truncated(count).kernel) for count in counts]
        return (0.0, *map(min, free, fitted))

    def cost(self, count: int) -> int:
        """Return the multiply-accumulates of a number of terms."""
        if count == 0:
            return self.dense.macs
        return self.dense.macs_as(separable(terms=count, order=self.expansion.terms.order))

    def counts(self, *, only_if_cheaper: bool) -> list[int]:
        """Return the numbers of terms that there are to choose from."""
        every = range(1, self.expansion.rank + 1)
        if not only_if_cheaper:
            return list(every)
        return [0, *(count for count in every if self.cost(count) < self.dense.macs)]

    def limited(self, count: int, *, only_if_cheaper: bool) -> int:
        """Return `count`, at most as many terms as make the layer exact; 0 if they are no cheaper than it."""
        count = min(count, self.expansion.rank)
        return count if count in self.counts(only_if_cheaper=only_if_cheaper) else 0


def allocate_budget(
    candidates: Sequence[Candidate], share: float, *, whole: int, only_if_cheaper: bool, kept: bool = False
) -> list[int]:
    """Return the terms of each layer that make the least total error within a share of the model's cost.

    Args:
        candidates: layers that can be decoupled.
        share: of the model's multiply-accumulates, above 0 and up to 1.
        whole: the model's multiply-accumulates.
        only_if_cheaper: whether a layer may stay dense, and does rather than get more expensive.
        kept: whether others stay by name, for the error's text.

    Raises:
        SepzooError: the share can't be reached; the least that can be is named.
    """
    counts = [candidate.counts(only_if_cheaper=only_if_cheaper) for candidate in candidates]
    options = [
        [Option(candidate.cost(count), candidate.errors[count]) for count in choice]
        for candidate, choice in zip(candidates, counts, strict=True)
    ]
    rest = whole - sum(candidate.dense.macs for candidate in candidates)
    picks = allocate(options, round(share * whole) - rest)
    if picks is None:
        gaining = [candidate for candidate, choice in zip(candidates, counts, strict=True) if any(choice)]
        if not candidates:
            raise SepzooError(
                f"expected dense k x k convolutions to separate. Received: macs={share} for a model that has none but "
                "those that are kept by name. Keep fewer layers, or leave the model as it is."
                if kept
                else f"expected dense k x k convolutions to separate. Received: macs={share} for a model that has "
                "none. Leave it as it is."
            )
        if not gaining:
            raise SepzooError(
                "expected dense k x k convolutions that separable ones are cheaper than. Received: "
                f"{len(candidates)} that get no cheaper, and macs={share}. Leave the model as it is."
            )
        least = rest + sum(min(option.cost for option in layer) for layer in options)
        least_share = math.ceil(10_000 * least / whole) / 10_000  # rounded up, so that it can be reached
        raise SepzooError(
            f"expected a share of the MACs that can be reached, here {least_share} and more: one term in every "
            f"layer that gains by it. Received: macs={share}. Ask for more, or keep fewer layers."
        )
    return [choice[pick] for choice, pick in zip(counts, picks, strict=True)]


def uniform_choices(candidates: Sequence[Candidate], *, whole: int, only_if_cheaper: bool) -> tuple[UniformChoice, ...]:
    """Return cost and error for each number of terms, the same in every layer.

    Args:
        candidates: layers that can be decoupled.
        whole: the model's multiply-accumulates.
        only_if_cheaper: whether a layer stays dense rather than get more expensive.
    """
    rest = whole - sum(candidate.dense.macs for candidate in candidates)
    found = []
    for count in range(1, max((candidate.expansion.rank for candidate in candidates), default=0) + 1):
        terms = [candidate.limited(count, only_if_cheaper=only_if_cheaper) for candidate in candidates]
        pairs = list(zip(candidates, terms, strict=True))
        macs = rest + sum(candidate.cost(own) for candidate, own in pairs)
        found.append(UniformChoice(count, macs, sum(candidate.errors[own] for candidate, own in pairs)))
    return tuple(found)
