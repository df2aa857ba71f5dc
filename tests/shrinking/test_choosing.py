"""Limits of several resources, from scores that are written down here."""

from __future__ import annotations

import dataclasses
import functools

import pytest

from sepzoo import SepzooError
from sepzoo.shrinking.candidates import Candidate, is_of
from sepzoo.shrinking.choosing import Chooser, Whole
from sepzoo.shrinking.memory import Moment
from sepzoo.shrinking.scores import GroupLevels, Item, Scores
from sepzoo.shrinking.settings import TECHNIQUES


def candidate(way: str, macs: int, error: float, *, ram: int = 1024, levels: tuple[int, int] = (0, 0)) -> Candidate:
    return Candidate(way, levels, macs, bytes=macs // 10, latency_ms=macs / 1000, ram_bytes=ram, error=error)


FIRST = Item(
    "first",
    (None, 0),
    (
        candidate("keep", 100, 0.0),
        candidate("pw_dw 1", 30, 0.5, ram=4096),
        candidate("keep", 50, 0.0, levels=(0, 1)),
    ),
)
SECOND = Item(
    "second",
    (0, None),
    (candidate("keep", 200, 0.0), candidate("rank 3", 90, 0.3), candidate("keep", 100, 0.25, levels=(1, 0))),
)
SCORES = Scores(
    network="two",
    key="",
    items=(FIRST, SECOND),
    groups=(GroupLevels(("first",), tuple(range(16)), ((), tuple(range(8)))),),
    fixed_macs=10,
    macs=310,
    correlation=None,
    trials=(),
    samples="none",
    techniques=("decouple", "lowrank", "channels"),
    moments=(
        Moment("first", "first", 0),
        Moment("sum", None, 1024, ((0, (2048, 1024)),)),
        Moment("second", "second", 1024, ((0, (2048, 1024)),)),
    ),
)
WHOLES = {
    "macs": Whole(1.0, 10.0),
    "kib": Whole(0.5, 1.0),
    "latency_ms": Whole(2.0, 0.1),
    "ram_kib": Whole(1 / 1024, 0.0),
}
CHOOSER = Chooser(SCORES, WHOLES)


def chosen(chooser: Chooser, **limits: float) -> list[tuple[str, tuple[int, int]]]:
    return [(each.way, each.levels) for each in chooser.choose(limits).candidates]


def test_levels_agree_across_layers() -> None:
    assert chosen(CHOOSER, macs=310) == [("keep", (0, 0)), ("keep", (0, 0))]
    assert chosen(CHOOSER, macs=209) == [("keep", (0, 1)), ("keep", (1, 0))]  # 170; rank 3 would err more
    assert chosen(CHOOSER, macs=135) == [("pw_dw 1", (0, 0)), ("rank 3", (0, 0))]
    assert CHOOSER.choose({"macs": 209}).levels == (1,)


def test_costs_of_the_file_are_those_of_the_sums() -> None:
    found = CHOOSER.choose({"latency_ms": 0.45})
    assert found.costs == {"macs": 160.0, "kib": 8.5, "latency_ms": pytest.approx(0.4), "ram_kib": 3.0}
    assert chosen(CHOOSER, latency_ms=0.45) == [("keep", (0, 1)), ("keep", (1, 0))]


def test_memory_holds_what_others_wait_for() -> None:
    assert chosen(CHOOSER, macs=135, ram_kib=4) == [("pw_dw 1", (0, 0)), ("rank 3", (0, 0))]
    assert CHOOSER.choose({"macs": 310}).costs["ram_kib"] == 4.0  # at the second layer: 1024 + 2048 + its own 1024
    assert chosen(CHOOSER, ram_kib=3.9) == [("keep", (0, 1)), ("keep", (1, 0))]  # the channels that it waits with go
    assert CHOOSER.choose({"ram_kib": 3.0}).costs["ram_kib"] == 3.0
    with pytest.raises(
        SepzooError, match=r"here at least 160 MACs: .* 0 of 2 layers .* 1 of 1 groups, .* of 0\.25 nats"
    ):
        CHOOSER.choose({"macs": 5, "ram_kib": 3})
    message = r"here at least 3\.0 KiB of memory: so much is in it at 'second'\. Received: 2\.9 KiB of memory\. "
    message += r"Ask for more, or allow more techniques\."
    with pytest.raises(SepzooError, match=message):
        CHOOSER.choose({"ram_kib": 2.9})
    alone = dataclasses.replace(CHOOSER, allowed=functools.partial(is_of, ("lowrank", "decouple")))
    with pytest.raises(SepzooError, match=r"here at least 4\.0 KiB of memory: so much is in it at 'second'\."):
        alone.choose({"ram_kib": 3.9})  # no channels may go


def test_techniques_alone_and_rules_are_proposed_behind_the_best() -> None:
    found = CHOOSER.proposals({"macs": 209}, ("lowrank", "decouple", "channels"))
    # channels alone are the best, by equal levels too; decouple can't keep it, and greedy cuts are lowrank's
    assert [name for name, _choice in found] == ["all", "lowrank"]
    errors = [choice.solution.error for _name, choice in found]
    assert errors == [pytest.approx(0.25), pytest.approx(0.3)]


def test_what_belongs_to_a_technique() -> None:
    wide, narrow, terms = FIRST.candidates[0], FIRST.candidates[2], FIRST.candidates[1]
    assert [is_of(("channels",), each) for each in (wide, narrow, terms)] == [True, True, False]
    assert [is_of(("decouple",), each) for each in (wide, narrow, terms)] == [True, False, True]


def test_the_curve_goes_from_the_least_to_the_whole() -> None:
    points = CHOOSER.curve("macs")
    assert len(points) == 12
    assert points[0].costs["macs"] == CHOOSER.least("macs").costs["macs"] == 130
    assert points[-1].solution.error == 0.0
    errors = [each.solution.error for each in points]
    assert errors == sorted(errors, reverse=True)


def test_more_techniques_are_not_advised_where_all_were_allowed() -> None:
    every = dataclasses.replace(CHOOSER, scores=dataclasses.replace(SCORES, techniques=TECHNIQUES))
    assert every.advice == "Ask for more."
    allowed = functools.partial(is_of, TECHNIQUES)
    assert dataclasses.replace(every, allowed=allowed).advice == "Ask for more."
    for less in (CHOOSER, dataclasses.replace(every, allowed=functools.partial(is_of, ("lowrank",)))):
        assert less.advice == "Ask for more, or allow more techniques."
