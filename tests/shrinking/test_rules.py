"""Rules to compare the solver with: what they choose by hand, and that the solver never errs more."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepzoo import SepzooError
from sepzoo.shrinking.candidates import Candidate, is_of
from sepzoo.shrinking.choosing import Choice, Chooser, Whole
from sepzoo.shrinking.scores import GroupLevels, Item, Scores
from sepzoo.shrinking.settings import BEST, RULES, TECHNIQUES, check_rule

WAYS = {"decouple": ("pw_dw 1", "pw_dw 2"), "lowrank": ("rank 2", "rank 4")}


def candidate(way: str, macs: int, error: float, levels: tuple[int, int] = (0, 0)) -> Candidate:
    return Candidate(way, levels, macs, bytes=macs, latency_ms=0.0, ram_bytes=1, error=error)


def scores_of(items: list[Item], groups: tuple[GroupLevels, ...] = ()) -> Scores:
    techniques = (*WAYS, "channels") if groups else tuple(WAYS)
    return Scores("net", "", tuple(items), groups, 0, 0, None, (), "none", techniques)


def drawn(seed: int, groups: int) -> Scores:
    """Return a chain of four layers, between which channels may go; a layer errs more the less it costs."""
    random = np.random.default_rng(seed)
    sizes = [int(random.integers(2, 4)) for _ in range(groups)]
    items = []
    for number in range(4):
        around = (number - 1 if 0 < number <= groups else None, number if number < groups else None)
        whole, candidates = int(random.integers(50, 500)), []
        for levels in itertools.product(*(range(1 if each is None else sizes[each]) for each in around)):
            share, lost = 0.7 ** sum(levels), 0.1 * sum(levels) * random.random()
            candidates.append(candidate("keep", int(whole * share), lost, levels))
            for way in itertools.chain(*WAYS.values()):
                if random.random() < 0.7:
                    part = float(random.uniform(0.1, 0.9))
                    candidates.append(
                        candidate(way, int(whole * share * part), lost + (1 - part) * random.random(), levels)
                    )
        items.append(Item(f"layer{number}", around, tuple(candidates)))
    return scores_of(
        items,
        tuple(
            GroupLevels((f"layer{n}",), tuple(range(32)), tuple(tuple(range(8 * g)) for g in range(sizes[n])))
            for n in range(groups)
        ),
    )


def chosen(scores: Scores, limit: float, rule: str, techniques: Collection[str] = TECHNIQUES) -> Choice:
    allowed = functools.partial(is_of, sorted(techniques))
    chooser = Chooser(scores, {"macs": Whole(1.0, 0.0)}, allowed, rule)
    (_name, choice), *others = chooser.proposals({"macs": limit}, ())
    assert rule == BEST or not others
    return choice


def test_what_rules_choose_is_proposed_behind_the_best_where_they_take_the_limits() -> None:
    scores = drawn(0, 2)
    wholes = {name: Whole(1.0, 0.0) for name in ("macs", "kib", "ram_kib")}
    limits = {name: whole.of(1e9) for name, whole in wholes.items()}
    limits["macs"] = 0.7 * sum(item.candidates[0].macs for item in scores.items)
    chooser = Chooser(scores, wholes)
    (_all, best), *others = chooser.proposals({"macs": limits["macs"]}, ())
    assert {name: choice.expected for name, choice in others} == {
        f"all, {rule}": chosen(scores, limits["macs"], rule).expected for rule in RULES
    }
    errors = [choice.expected for choice in (best, *(choice for _name, choice in others))]
    assert errors == sorted(errors)
    for other in ("kib", "ram_kib"):
        both = {name: limits[name] for name in ("macs", other)}
        assert [name for name, _choice in chooser.proposals(both, ())] == ["all"]


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    groups=st.integers(0, 2),
    tightness=st.floats(0.3, 0.95),
    techniques=st.sets(st.sampled_from([*WAYS, "channels"]), min_size=1),
)
def test_the_solver_never_errs_more_than_a_rule_or_a_technique(
    seed: int, groups: int, tightness: float, techniques: set[str]
) -> None:
    scores = drawn(seed, groups)
    limit = tightness * sum(item.candidates[0].macs for item in scores.items)
    try:
        best = chosen(scores, limit, BEST, techniques)
    except SepzooError:
        return
    allowed = functools.partial(is_of, sorted(techniques))
    alone = Chooser(scores, {"macs": Whole(1.0, 0.0)}, allowed).proposals({"macs": limit}, sorted(techniques))
    assert all(each.solution.error >= best.expected - 1e-6 for _name, each in alone)
    for rule in RULES:
        try:
            found = chosen(scores, limit, rule, techniques)
        except SepzooError as error:
            assert "can keep" in str(error)  # noqa: PT017
            continue
        assert sum(each.macs for each in found.candidates) <= limit * (1 + 1e-9)
        assert found.expected == pytest.approx(found.solution.error)
        assert found.expected >= best.expected - 1e-6
        assert found.solution.gap >= (found.expected - best.expected) / max(found.expected, 1e-9) - 1e-6
        for item, each in zip(scores.items, found.candidates, strict=True):
            assert each in item.candidates
            assert is_of(sorted(techniques), each)
            assert each.levels == tuple(0 if n is None else found.levels[n] for n in item.groups)


ONE = Item(
    "one", (None, None), (candidate("keep", 100, 0.0), candidate("pw_dw 1", 40, 0.4), candidate("pw_dw 2", 80, 0.1))
)
TWO = Item(
    "two", (None, None), (candidate("keep", 100, 0.0), candidate("pw_dw 1", 40, 0.1), candidate("rank 2", 75, 0.09))
)


@pytest.mark.parametrize(
    ("rule", "limit", "ways"),
    [
        ("best", 140, ["keep", "pw_dw 1"]),
        ("even", 140, ["pw_dw 2", "pw_dw 1"]),  # at .8 of each
        ("even", 179, ["keep", "rank 2"]),  # of low rank at .75; only one of them has it
        ("equal_level", 176, ["keep", "rank 2"]),  # each may err .09
        ("equal_level", 140, ["pw_dw 2", "pw_dw 1"]),  # .1
        ("greedy", 176, ["keep", "rank 2"]),
        ("greedy", 140, ["keep", "pw_dw 1"]),
    ],
)
def test_by_hand(rule: str, limit: int, ways: list[str]) -> None:
    assert [each.way for each in chosen(scores_of([ONE, TWO]), limit, rule).candidates] == ways


@pytest.mark.parametrize(
    ("rule", "resources", "message"),
    [
        ("greed", ["macs"], r"unknown rule 'greed'\. Did you mean greedy\?"),
        (
            "even",
            ["macs", "kib"],
            r"expected one limit, .* for the rule 'even'\. Received: multiply-accumulates, size\.",
        ),
        ("greedy", ["ram_kib"], r"expected one limit, .* for the rule 'greedy'\. Received: memory\."),
    ],
)
def test_rules_have_names_and_one_limit(rule: str, resources: list[str], message: str) -> None:
    with pytest.raises(SepzooError, match=message):
        check_rule(rule, resources)


@pytest.mark.parametrize("resource", ["macs", "kib", "latency_ms"])
def test_each_rule_takes_one_limit_of_a_sum(resource: str) -> None:
    assert all(check_rule(rule, [resource]) is None for rule in ("best", *RULES))
    assert check_rule("best", ["macs", "ram_kib"]) is None
