"""What `shrink` may be asked for beside its budget, by names; neither Keras nor a converter is imported."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sepzoo.shrinking.budget import LIMITED, MEMORY, Budget, Costs
from sepzoo.support.atomic import check_target
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.packages import require_installed

TECHNIQUES = ("decouple", "bsconv", "spatial", "lowrank", "smaller", "channels")
"""What can be done to layers, by the names that `--techniques` takes."""

RUNTIMES = ("tflite:int8", "tflite:float32")
"""Targets of export whose files are measured here."""

_PACKAGES = ("ai_edge_litert", "scipy")
"""That read files and solve."""

TYPES = ("int8", "float32")
"""Of numbers, which aren't techniques."""

BEST = "best"
"""The solver's choice, by no other rule."""

RULES = ("even", "equal_level", "greedy")
"""The rules beside the best choice, which it is compared with."""


def check_techniques(techniques: Sequence[str]) -> None:
    """Raise a `SepzooError` where there is no such technique."""
    for each in techniques:
        if each in TYPES:
            raise SepzooError(
                f"expected techniques of {', '.join(TECHNIQUES)}. Received: {each!r}. All layers of a file have "
                f"numbers of one type, by its runtime (--runtime): {' or '.join(RUNTIMES)}."
            )
        if each not in TECHNIQUES:
            raise unknown("technique", each, TECHNIQUES, list_all=True)


def check_runtime(runtime: str) -> None:
    """Raise a `SepzooError` for a runtime whose files aren't measured."""
    if runtime not in RUNTIMES:
        raise unknown("runtime", runtime, RUNTIMES, list_all=True)


def takes_rules(resources: Sequence[str]) -> bool:
    """Return whether a rule takes limits of these resources: of one, and not of memory, which isn't a sum."""
    return len(resources) == 1 and MEMORY not in resources


def check_rule(rule: str, resources: Sequence[str]) -> None:
    """See that there is such a rule, and that it takes the limits.

    Args:
        rule: "best", or one of `RULES`.
        resources: that are limited.

    Raises:
        SepzooError: there is none, or it takes no such limits.
    """
    if rule != BEST and rule not in RULES:
        raise unknown("rule", rule, (BEST, *RULES), list_all=True)
    if rule != BEST and not takes_rules(resources):
        raise SepzooError(
            f"expected one limit, of bytes, time or multiply-accumulates, for the rule {rule!r}. Received: "
            f"{', '.join(LIMITED[each] for each in resources)}. Leave the others out."
        )


def check_asked(
    budget: Budget,
    *,
    techniques: Sequence[str],
    rule: str,
    costs: Costs,
    distil: int,
    out: str | os.PathLike[str] | None,
) -> Budget:
    """See that what is asked for can be: see `sepzoo.shrinking.shrink`.

    Returns:
        The budget, in what it is held to: see `Budget.by`.

    Raises:
        SepzooError: a setting that there isn't, a path that can't be written to, or a package that isn't installed.
    """
    require_installed("shrink", _PACKAGES)
    check_techniques(techniques)
    if not isinstance(budget, Budget):
        raise SepzooError(f"expected a sepzoo.shrinking.Budget, such as Budget(macs='50%'). Received: {budget!r}.")
    budget = budget.by(costs)
    if out is not None:
        check_target(Path(out))
    check_rule(rule, budget.resources)
    if isinstance(distil, bool) or not isinstance(distil, int) or distil < 0:
        raise SepzooError(f"expected distil as a number of epochs, 0 or more. Received: {distil!r}.")
    return budget
