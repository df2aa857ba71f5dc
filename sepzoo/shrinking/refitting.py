"""Expectations of each layer, held to what random choices of all layers together did."""

from __future__ import annotations

import dataclasses

import numpy as np

from sepzoo.shrinking.scores import Item, Scores, correlation

TRUST = 10.0
"""Each layer's factor is drawn to 1 as much as by so many trials in which it, or the mean layer, adds its usual part.
So few trials for so many layers say little of one."""


def factors_of(parts: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return for each layer the factor, 0 or more, by which its expectations come nearest to what was measured.

    What is made small is the sum of squared relative errors. Layers that the trials say little of stay near 1.

    Args:
        parts: what each layer was to add to each choice, (choices, layers).
        measured: of each choice.

    Example:
        >>> parts = np.random.default_rng(0).random((4000, 2))
        >>> factors_of(parts, parts @ [2.0, 0.5]).round(1).tolist()
        [2.0, 0.5]
    """
    from scipy.optimize import nnls

    weights = 1.0 / np.maximum(measured, np.median(measured) / 10 or 1.0)
    rows = parts * weights[:, None]
    usual = np.mean(rows**2, axis=0)
    own = np.sqrt(TRUST * np.maximum(usual, usual.mean()).clip(1e-12))
    return nnls(np.vstack([rows, np.diag(own)]), np.concatenate([measured * weights, own]))[0]


def held_out(parts: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return what is expected of each choice by factors that were fitted without it."""
    others = [np.arange(len(measured)) != number for number in range(len(measured))]
    return np.array([own @ factors_of(parts[left], measured[left]) for own, left in zip(parts, others, strict=True)])


def refitted(scores: Scores) -> Scores:
    """Return scores whose errors are multiplied by a factor for each layer; their trials' expectations are held out."""
    if not scores.trials:
        return scores
    parts, measured = np.array(scores.parts), np.array([each[1] for each in scores.trials])
    factors = factors_of(parts, measured)
    pairs = tuple(zip(held_out(parts, measured).tolist(), measured.tolist(), strict=True))
    items = tuple(_times(*each) for each in zip(scores.items, factors.tolist(), strict=True))
    return dataclasses.replace(
        scores, items=items, trials=pairs, correlation=correlation(pairs), unfitted=scores.correlation
    )


def _times(item: Item, factor: float) -> Item:
    candidates = tuple(dataclasses.replace(each, error=factor * each.error) for each in item.candidates)
    return dataclasses.replace(item, candidates=candidates)
