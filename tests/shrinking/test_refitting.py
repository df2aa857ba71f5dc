"""Factors of layers fitted to random choices: against factors that are known, and on choices they weren't fitted to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sepzoo.shrinking.candidates import Candidate
from sepzoo.shrinking.refitting import factors_of, held_out, refitted
from sepzoo.shrinking.scores import Item, Scores, correlation

LAYERS, TRIALS = 8, 40
TRUE = np.array([0.0, 0.1, 0.5, 1.0, 1.0, 2.0, 4.0, 8.0])


@pytest.fixture(scope="module")
def parts() -> np.ndarray:
    random = np.random.default_rng(0)
    return random.lognormal(size=(TRIALS, LAYERS)) * (random.random((TRIALS, LAYERS)) < 0.6)


def scores_of(parts: np.ndarray, measured: np.ndarray) -> Scores:
    pairs = tuple(zip(parts.sum(axis=1).tolist(), measured.tolist(), strict=True))
    items = tuple(
        Item(
            f"layer {number}", (None, None), tuple(Candidate("keep", (0, 0), 1, 1, 0.0, 1, each) for each in (0.0, 2.0))
        )
        for number in range(parts.shape[1])
    )
    own = tuple(map(tuple, parts.tolist()))
    return Scores("net", "key", items, (), 0, 10, correlation(pairs), pairs, "noise", (), parts=own)


def test_factors_are_found_again_as_far_as_the_choices_say(parts: np.ndarray) -> None:
    found = factors_of(parts, parts @ TRUE)
    assert np.all(found >= 0)
    assert np.corrcoef(found, TRUE)[0, 1] > 0.9
    assert factors_of(parts, parts.sum(axis=1)) == pytest.approx(np.ones(LAYERS))
    assert factors_of(parts[:3], parts[:3].sum(axis=1)) == pytest.approx(np.ones(LAYERS))  # fewer than layers
    parts = np.column_stack([parts, np.zeros(TRIALS)])  # a layer that no choice changed
    assert factors_of(parts, parts[:, :-1] @ TRUE)[-1] == pytest.approx(1.0)


def test_what_a_choice_did_has_no_part_in_what_is_expected_of_it(parts: np.ndarray) -> None:
    measured = parts @ TRUE
    found = held_out(parts, measured)
    for place in range(0, TRIALS, 7):
        changed = measured.copy()
        changed[place] *= 3
        assert held_out(parts, changed)[place] == found[place]


def test_factors_that_say_something_raise_the_correlation_and_noise_does_not(parts: np.ndarray) -> None:
    scores = scores_of(parts, parts @ TRUE)
    found = refitted(scores)
    assert found.unfitted == scores.correlation
    assert found.correlation is not None
    assert scores.correlation is not None
    assert found.correlation > scores.correlation + 0.05
    noise = refitted(scores_of(parts, np.random.default_rng(5).lognormal(size=TRIALS)))
    assert noise.correlation is not None
    assert noise.correlation < 0.5
    factors = [item.candidates[1].error / 2 for item in found.items]
    assert factors == pytest.approx(factors_of(parts, parts @ TRUE))
    assert all(item.candidates[0].error == 0 for item in found.items)
    bare = dataclasses.replace(scores, trials=(), parts=())
    assert refitted(bare) is bare
