"""Choices carried out until the file of one keeps its budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypeVar

from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.shrinking.budget import shown
from sepzoo.shrinking.building import Built
from sepzoo.shrinking.builds import Builds
from sepzoo.shrinking.choosing import Choice, Chooser
from sepzoo.shrinking.distilling import distilled
from sepzoo.shrinking.divergence import Distance
from sepzoo.shrinking.files import Measured
from sepzoo.shrinking.forms import Forms
from sepzoo.shrinking.measuring import key_of
from sepzoo.shrinking.report import Proposal
from sepzoo.shrinking.solving import Solution
from sepzoo.shrinking.work import Work
from sepzoo.support.errors import SepzooError

ROUNDS = 4
"""A choice, and three more where the file costs more than was expected, or leaves something."""
SLACK = 0.05
"""A file that leaves more of the budget than this share is followed by one of a choice that is expected to use it."""
MARGIN = 0.999
CLOCK = 0.02
"""Share of the time that is left free where distillation follows, after which it is measured again."""
PROPOSALS = 5
"""So many are carried out each time, of which one stays: mostly the solver's, two rules' and two techniques'."""


@dataclasses.dataclass(frozen=True, eq=False)
class Fitted:
    """A choice that was carried out.

    Attributes:
        built: the network.
        choice: what was carried out.
        solution: how good the best choice of all techniques is proven to be, of those expected to cost `aimed` at most.
        aimed: at what the choice was aimed, by resource: files of earlier ones cost more or less than was expected.
        distance: how far its answers are from the right ones.
        proposals: what was carried out beside each other.
    """

    built: Built
    choice: Choice
    solution: Solution
    aimed: Mapping[str, float]
    distance: Distance
    proposals: tuple[Proposal, ...]


F = TypeVar("F", bound=Fitted)


@dataclasses.dataclass(frozen=True, eq=False)
class Fitting(Fitted):
    """What keeps a budget.

    Attributes:
        forms: of the network.
        classifier: what was measured, with what is said of it: that which learns of the forms, before or after it did.
        measured: its file.
        rounds: how many files were measured.
        distilled: divergence before distillation and after each epoch, in nats; empty where there was none.
    """

    forms: Forms
    classifier: KerasClassifier
    measured: Measured
    rounds: int
    distilled: tuple[float, ...] = ()


def within(
    chooser: Chooser,
    limits: Mapping[str, float],
    builds: Builds,
    work: Work,
    original: Measured,
) -> Fitting:
    """Return a network whose file keeps limits, by resource.

    Args:
        chooser: of the choice.
        limits: of the file.
        builds: networks of choices.
        work: how files are written.
        original: the file of the network as it is.

    Raises:
        SepzooError: no choice is expected to keep them, or none does after three further ones.
    """
    aimed = dict(limits)
    best: Fitting | None = None
    kept: dict[str, float] = {}  # the last aims whose files left something of a limit,
    missed: dict[str, float] = {}  # and whose files went beyond one
    seen: list[Mapping[str, float]] = []
    others: list[Fitted] = []
    told, least, given = "", "", limits
    if work.epochs and "latency_ms" in limits:
        limits = {**limits, "latency_ms": (1 - CLOCK) * limits["latency_ms"]}
    for number in range(1, ROUNDS + 1):
        offered = _offered(chooser, aimed, work, first=number == 1)
        if not offered:
            least = ", and none is left that costs less"
            break
        one, *rest = _carried_out(offered, dict(aimed), builds, work)
        others += rest
        if best is not None and one.choice.costs in seen:
            break
        seen.append(one.choice.costs)
        fitting = _written(one, f"round{number}", number, work, original)
        off = _over(fitting.measured, limits)
        if off:
            told = _missed(fitting.measured, limits)
            missed.update({name: aimed[name] for name in off})
        else:
            best = fitting if best is None else _nearest(best, fitting)
            off = [name for name in limits if _leaves(one.choice, fitting.measured, aimed, limits, name)]
            kept.update({name: aimed[name] for name in off})
        if not off:
            break
        for name in off:
            expected = min(aimed[name], one.choice.costs.get(name, aimed[name]))
            aimed[name] = expected * limits[name] / fitting.measured.costs[name] * MARGIN
            low, high = kept.get(name), missed.get(name)
            if low is not None and high is not None and not low < aimed[name] < high:
                aimed[name] = (low + high) / 2
    # An aim is that of the choice which was measured; of others it may have asked too much.
    others = [other for other in others if other.choice.costs not in seen]
    while others and (other := _nearest(*others, *([] if best is None else [best]))) is not best:
        seen.append(other.choice.costs)
        fitting = _written(other, f"other{len(seen)}", len(seen), work, original)
        if not _over(fitting.measured, limits):
            best = fitting
            break
        others = [each for each in others if each.choice.costs not in seen]
    if best is None:
        free = "" if limits is given else f" {CLOCK:.0%} of the time are left free: distillation may cost as much."
        tried = "1 choice that was" if len(seen) == 1 else f"{len(seen)} choices that were"
        raise SepzooError(
            f"expected a file within the budget. Received: {told}, after {tried} expected to keep "
            f"it{least}.{free} No file was written. {chooser.advice}"
        )
    return _taught(best, given, builds, work, original) if work.epochs else best


def _taught(fitting: Fitting, limits: Mapping[str, float], builds: Builds, work: Work, original: Measured) -> Fitting:
    """Return the network after distillation, with its file measured: it costs what it did, but for a clock's chance.

    A time that is over the limit is measured again, and the median of those times holds: the least would be luck.
    """
    lessons, kept = builds.inputs if work.lessons is None else work.lessons, work.kept_of(fitting.choice)
    if kept.folder is not None:
        kept = kept.of(key_of(builds.network.model, lessons.arrays, {"epochs": work.epochs}))
    teacher = work.forms(builds.network.model).plain
    model, told = distilled(
        fitting.forms.plain.model,
        teacher.model,
        lessons,
        teacher.outputs,
        epochs=work.epochs,
        learning=fitting.forms.learning.model,
        kept=kept,
    )
    classifier = dataclasses.replace(fitting.classifier, model=model)
    found = work.measured(classifier, "distilled", original)
    if _over(found, limits) == ["latency_ms"]:
        again = sorted((work.clocked(found, original) for _time in range(1, ROUNDS)), key=_latency)
        found = again[len(again) // 2]
    if _over(found, limits):
        raise SepzooError(
            f"expected a file within the budget, as it was before distillation. Received: {_missed(found, limits)}. No "
            "file was written. Ask for more."
        )
    taught = dataclasses.replace(fitting, classifier=classifier, measured=found, distilled=told)
    return _untaught(taught, limits, work, original) if work.integers and min(told) == told[0] else taught


def _latency(found: Measured) -> float:
    return found.costs["latency_ms"]


def _untaught(taught: Fitting, limits: Mapping[str, float], work: Work, original: Measured) -> Fitting:
    """Return what learned nothing, as its steps were learned or rounded after training: whose answers are nearer."""
    forms = Forms.of(taught.built.model, work.classifier)
    found = work.measured(forms.learning, "undistilled", original)
    own, other = (each.comparison.kl_divergence for each in (taught.measured, found))
    if _over(found, limits) or own is None or other is None or other >= own:
        return taught
    return dataclasses.replace(taught, forms=forms, classifier=forms.learning, measured=found)


def _over(found: Measured, limits: Mapping[str, float]) -> list[str]:
    """Return the resources of which a file takes more than their limits."""
    return [name for name, limit in limits.items() if found.costs[name] > limit]


def _missed(found: Measured, limits: Mapping[str, float]) -> str:
    """Return in words what a file takes of those, and their limits."""
    return ", ".join(
        f"{shown(name, found.costs[name])} for {shown(name, limits[name])}" for name in _over(found, limits)
    )


def _leaves(
    choice: Choice, found: Measured, aimed: Mapping[str, float], limits: Mapping[str, float], name: str
) -> bool:
    """Return whether a file leaves much of a limit that was expected to be used up."""
    binding = name in choice.costs and choice.costs[name] > (1 - SLACK) * aimed[name]
    return binding and found.costs[name] < (1 - SLACK) * limits[name]


def _offered(chooser: Chooser, aimed: Mapping[str, float], work: Work, *, first: bool) -> Sequence[tuple[str, Choice]]:
    """Return the first few choices for what is aimed at; none where there are none, and the aim is not the user's."""
    try:
        return chooser.proposals(aimed, work.techniques)[:PROPOSALS]
    except SepzooError:
        if first:
            raise
        return ()


def _carried_out(
    offered: Sequence[tuple[str, Choice]], aimed: Mapping[str, float], builds: Builds, work: Work
) -> list[Fitted]:
    """Return choices carried out, the one whose answers are nearest first."""
    found = []
    for name, choice in offered:
        built, off = builds.of(choice, work)
        alone = (Proposal(name, choice.solution.error, off.divergence, off.agreement, taken=True),)
        found.append(Fitted(built, choice, offered[0][1].solution, aimed, off, alone))
    nearest = _nearest(*found)
    every = tuple(dataclasses.replace(one.proposals[0], taken=one is nearest) for one in found)
    return [dataclasses.replace(nearest, proposals=every), *(one for one in found if one is not nearest)]


def _nearest(*found: F) -> F:
    """Return what gives most answers as they were, of those whose divergence can't be told from the least.

    Where answers are far from the right ones, divergence says too little of which class they name.
    """
    least = min(found, key=lambda one: one.distance.divergence)
    alike = [one for one in found if not one.distance.is_beyond(least.distance)]
    return min(alike, key=lambda one: (-one.distance.agreement, one.distance.divergence))


def _written(one: Fitted, name: str, number: int, work: Work, original: Measured) -> Fitting:
    """Return a choice that was carried out with its file, measured."""
    forms = work.forms(one.built.model)
    found = work.measured(forms.learning, name, original)
    known = {field.name: getattr(one, field.name) for field in dataclasses.fields(Fitted)}
    return Fitting(**known, forms=forms, classifier=forms.learning, measured=found, rounds=number)
