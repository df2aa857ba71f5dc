"""What becomes of files that cost more or less than was expected; nothing is built here."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

import numpy as np
import pytest

from sepzoo import SepzooError
from sepzoo.shrinking import fitting
from sepzoo.shrinking.divergence import Distance
from sepzoo.shrinking.kept_work import NOTHING_KEPT
from sepzoo.shrinking.report import Proposal


@dataclasses.dataclass
class Stub:
    """Anything with the attributes that are asked for."""

    costs: Mapping[str, float] = dataclasses.field(default_factory=dict)
    solution: Any = None
    model: Any = None
    epochs: int = 0
    measured: Callable[..., Stub] | None = None
    learning: Any = None
    forms: Callable[[Any], Any] = lambda model: Stub()
    advice: str = "Ask for more."


CHOOSER: Any = Stub()


def one_of(name: str, choice: Any, divergence: float, agreement: float = 1.0, spread: float = 0.0) -> Any:
    """Return a choice that was carried out, whose answers to two samples are so far from the right ones."""
    distance = Distance(np.array([divergence - spread, divergence + spread]), agreement)
    proposals = (Proposal(name, 0.0, divergence, agreement, taken=True),)
    return fitting.Fitted(Stub(), choice, Stub(), {}, distance, proposals)  # type: ignore[arg-type]


def run(
    monkeypatch: pytest.MonkeyPatch, factors: list[float], divergences: list[float], limit: float = 1.0
) -> tuple[fitting.Fitting, list[float]]:
    """Return what is taken, and what was aimed at, where each file costs a factor times what was expected."""
    aims: list[float] = []

    def offered(chooser: Any, aimed: Mapping[str, float], *_rest: Any, **_more: Any) -> list[tuple[str, Any]]:
        aims.append(aimed["kib"])
        return [("all", Stub(costs={"kib": aimed["kib"]}))] if len(aims) <= len(factors) else []

    def carried_out(choices: list[tuple[str, Any]], *_rest: Any) -> list[Any]:
        ((name, choice),) = choices
        return [one_of(name, choice, divergences[len(aims) - 1])]

    def measured(*_arguments: Any) -> Stub:
        return Stub(costs={"kib": aims[-1] * factors[len(aims) - 1]})

    monkeypatch.setattr(fitting, "_offered", offered)
    monkeypatch.setattr(fitting, "_carried_out", carried_out)
    return fitting.within(CHOOSER, {"kib": limit}, None, Stub(measured=measured), None), aims  # type: ignore[arg-type]


def test_what_keeps_the_budget_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    found, aims = run(monkeypatch, [0.98], [0.5])
    assert (found.rounds, aims) == (1, [1.0])


def test_what_is_over_is_solved_for_anew_by_the_measured_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    found, aims = run(monkeypatch, [1.25, 1.25], [0.5, 0.6])
    assert aims == [1.0, pytest.approx(0.8 * fitting.MARGIN)]
    assert found.rounds == 2
    assert found.measured.costs["kib"] <= 1.0


def test_what_never_keeps_it_is_refused_with_both_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    message = r"expected a file within the budget\. Received: 1\.\d KiB for 1\.0 KiB, after 4 choices"
    with pytest.raises(SepzooError, match=message):
        run(monkeypatch, [1.2, 1.6, 2.4, 4.0], [0.5] * 4)


def test_that_nothing_costs_less_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    message = r"after 1 choice that was expected to keep it, and none is left that costs less\. No file was written\. "
    message += r"Ask for more\."
    with pytest.raises(SepzooError, match=message):
        run(monkeypatch, [1.2], [0.5])


@pytest.mark.parametrize(("divergence", "taken"), [(0.3, 2), (0.9, 1)])
def test_what_is_left_is_used_where_that_is_nearer(
    monkeypatch: pytest.MonkeyPatch, divergence: float, taken: int
) -> None:
    found, aims = run(monkeypatch, [0.8, 0.8], [0.5, divergence])
    assert aims == [1.0, pytest.approx(1.25 * fitting.MARGIN)]
    assert found.rounds == taken
    assert found.measured.costs["kib"] <= 1.0


def test_between_too_little_and_too_much_lies_the_next_aim(monkeypatch: pytest.MonkeyPatch) -> None:
    found, aims = run(monkeypatch, [0.8, 1.3, 0.8, 0.79], [0.5, 0.1, 0.4, 0.3])
    assert aims[1] == pytest.approx(1.25 * fitting.MARGIN)
    assert aims[2] == pytest.approx((aims[0] + aims[1]) / 2)  # by the measured factor it would lie below the first
    assert aims[2] < aims[3] <= 1.001 * aims[1]
    assert found.rounds == 4
    assert all(each <= 1.0 for each in found.measured.costs.values())


@pytest.mark.parametrize(
    ("resource", "factors", "refused"),
    [
        ("latency_ms", [0.9], None),
        ("latency_ms", [1.2, 1.1, 0.8, 0.9], None),
        ("latency_ms", [1.2, 0.7, 1.1, 1.3], "1.1 ms for 1 ms"),  # once within it by luck
        ("latency_ms", [1.2] * fitting.ROUNDS, "1.2 ms for 1 ms"),
        ("kib", [1.2], "1.2 KiB for 1.0 KiB"),
    ],
)
def test_a_taught_file_is_measured_against_the_budget_too(
    monkeypatch: pytest.MonkeyPatch, resource: str, factors: list[float], refused: str | None
) -> None:
    """It is written once; a time that is over, which may be the clock's chance, is measured anew: the median holds."""
    monkeypatch.setattr(fitting, "distilled", lambda *_given, **_more: ("taught", (0.2, 0.1)))
    monkeypatch.setattr(fitting, "key_of", None)  # nothing is kept, so nothing needs a key
    known, work = mock.MagicMock(), mock.MagicMock(epochs=1)
    work.kept_of.return_value = NOTHING_KEPT
    first, *others = [Stub(costs={resource: each}) for each in factors]
    median = float(np.median(factors[1:] or factors))
    work.measured.side_effect = [first]
    work.clocked.side_effect = others
    stub = Stub(model="as it was")
    before: Any = fitting.Fitting(stub, stub, stub, {}, stub, (), mock.MagicMock(), stub, stub, 1)  # type: ignore[arg-type]
    if refused:
        with pytest.raises(SepzooError, match=rf"as it was before distillation\. Received: {re.escape(refused)}\."):
            fitting._taught(before, {resource: 1.0}, known, work, None)  # type: ignore[arg-type]
    else:
        found = fitting._taught(before, {resource: 1.0}, known, work, None)  # type: ignore[arg-type]
        assert (found.classifier.model, found.measured.costs) == ("taught", {resource: median})
        assert found.distilled == (0.2, 0.1)
    assert work.clocked.call_count == len(others)


def fitted(name: str, cost: float, divergence: float) -> Any:
    return one_of(name, Stub(costs={"kib": cost}), divergence)


@pytest.mark.parametrize(
    ("others", "taken"),
    [
        ([("channels", 0.9, 0.2), ("lowrank", 0.8, 0.3)], 0.9),  # the nearest that keeps the budget
        ([("channels", 1.1, 0.2), ("lowrank", 0.8, 0.3)], 0.8),
        ([("channels", 1.1, 0.2), ("lowrank", 1.2, 0.3)], None),
    ],
)
def test_where_no_choice_keeps_it_what_was_carried_out_beside_is_measured(
    monkeypatch: pytest.MonkeyPatch, others: list[tuple[str, float, float]], taken: float | None
) -> None:
    """The choice of all techniques costs more than was expected in every round, and then nothing is offered."""
    rounds = iter([[("all", None)], [("all", None)]])
    carried = iter([[fitted("all", 1.5, 0.1), *(fitted(*each) for each in others)], [fitted("all", 1.4, 0.1)]])
    monkeypatch.setattr(fitting, "_offered", lambda *_given, **_more: next(rounds, ()))
    monkeypatch.setattr(fitting, "_carried_out", lambda *_given: next(carried))
    choices: list[float] = []

    def written(one: Any, _name: str, number: int, *_rest: Any) -> Any:
        choices.append(one.choice.costs["kib"])
        known = {field.name: getattr(one, field.name) for field in dataclasses.fields(fitting.Fitted)}
        return fitting.Fitting(**known, forms=Stub(), classifier=Stub(), measured=one.choice, rounds=number)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "_written", written)
    arguments: Any = (CHOOSER, {"kib": 1.0}, None, Stub(), None)
    if taken is None:
        with pytest.raises(SepzooError, match=r"Received: 1\.4 KiB for 1\.0 KiB, after 4 choices"):
            fitting.within(*arguments)
    else:
        assert fitting.within(*arguments).measured.costs == {"kib": taken}
    assert choices[:2] == [1.5, 1.4]


@pytest.mark.parametrize(
    ("others", "taken"),
    [
        ([("near", 0.2, 0.8, 0.0)], "near"),
        (
            [("near", 0.2, 0.8, 0.15)],
            "all",
        ),  # an error of .15: by chance nearer, and it names fewer classes as they were
        ([("near", 0.2, 0.9, 0.15)], "near"),
        ([("far", 0.5, 0.99, 0.0)], "all"),
        ([("near", 0.25, 0.85, 0.1), ("alike", 0.28, 0.87, -0.1), ("far", 0.6, 0.99, 0.0)], "alike"),
    ],
)
def test_of_what_is_alike_that_stays_which_gives_most_answers_as_they_were(
    others: list[tuple[str, float, float, float]], taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = [
        one_of(*one)
        for one in (("all", mock.Mock(), 0.3, 0.86), *((name, mock.Mock(), *rest) for name, *rest in others))
    ]
    known = {one.choice: (one.built, one.distance) for one in each}
    builds: Any = mock.Mock(of=lambda choice, _work: known[choice])
    offered = [(one.proposals[0].techniques, one.choice) for one in each]
    nearest, *rest = fitting._carried_out(offered, {}, builds, Stub())  # type: ignore[arg-type]
    assert [one.techniques for one in nearest.proposals] == [name for name, _choice in offered]
    assert [one.techniques for one in nearest.proposals if one.taken] == [taken]
    assert {taken, *(one.proposals[0].techniques for one in rest)} == {name for name, _choice in offered}
