"""Kernels on a grid of integers: each value to the nearest, or up or down so that the outputs of its layer err least.

Nearest is best for the weights, not for what is computed of them: errors of two weights that see much the same cancel
out where one is rounded up and the other down. To choose that by the outputs is what AdaRound does by gradients (Nagel
et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", ICML 2020). Here the least squares are solved on
the moments of what a layer gets: of a few weights, such as those of a depthwise channel, all ways are tried. Of many,
one after the other is moved until no move is a gain.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from sepzoo.surgery.algebra.moments import Moments

_TRIED = 9
"""Up to so many weights all ways are tried: 512."""
_ROUNDS = 8
"""So often at most each weight is looked at again."""
_BLOCK = 128
"""So many weights are moved before the others hear of it: what these are left with is more than a cache holds."""


def rounded(kernel: np.ndarray, axes: tuple[int, ...], *, largest: int = 127) -> np.ndarray:
    """Return a kernel as integers from -largest to largest, times one step for each place on `axes`.

    Example:
        >>> rounded(np.array([[0.3, 127.0], [0.1, -2.6]]), (-1,)).round(3).tolist()
        [[0.3, 127.0], [0.099, -3.0]]
    """
    steps = steps_of(kernel, axes, largest=largest)
    return np.round(kernel / steps) * steps


def steps_of(kernel: np.ndarray, axes: tuple[int, ...], *, largest: int = 127) -> np.ndarray:
    """Return the steps between the values that `rounded` knows, in a shape that goes with the kernel's."""
    others = tuple(axis for axis in range(-kernel.ndim, 0) if axis not in axes)
    steps = np.abs(kernel).max(axis=others, keepdims=True) / largest
    return np.asarray(np.where(steps == 0, 1, steps))


def rounded_by_outputs(
    kernels: np.ndarray, steps: np.ndarray, moments: Sequence[Moments], *, largest: int = 127
) -> np.ndarray:
    """Return kernels of whole steps, each weight rounded up or down, whose outputs err least but for their mean.

    A bias is thought to make the mean right (`Moments.best_bias`). The largest weight of a filter stays where it is, so
    that who rounds the result to the nearest finds the same steps and changes nothing.

    Args:
        kernels: (channels, weights, filters): of a depthwise convolution each channel's own; others are one channel.
        steps: of each filter, (channels, filters).
        moments: of the patches that come to each channel, and of the outputs that are right.
        largest: of the integers: 127 of 8 bits.

    Example:
        >>> seen = np.random.default_rng(0).normal(size=(100, 2))[:, [0, 0, 1]]    # the first two weights see the same
        >>> kernel = np.array([[10.4], [3.4], [127.0]])
        >>> found = rounded_by_outputs(kernel[None], np.ones((1, 1)), [Moments.of([(seen, seen @ kernel)])])
        >>> float(found[0, :2].sum())
        14.0
    """
    whole = kernels / steps[:, None]
    stays = np.abs(np.round(whole)) >= largest
    low, high = (np.where(stays, np.round(whole), side) for side in (np.floor(whole), np.ceil(whole)))
    if kernels.shape[1] <= _TRIED:
        return np.stack([_best(*each) for each in zip(low, high, steps, moments, strict=True)])
    return _descended(np.round(whole), low, high, steps, moments)


def _best(low: np.ndarray, high: np.ndarray, steps: np.ndarray, moments: Moments) -> np.ndarray:
    """Return the best of all ways."""
    up = np.array(list(itertools.product((False, True), repeat=len(low))))[..., None]
    ways = np.where(up, high, low) * steps
    errors = np.sum(ways * (moments.gram @ ways - 2 * moments.cross), axis=1)
    return np.asarray(np.take_along_axis(ways, errors.argmin(axis=0)[None, None], axis=0)[0])


def _descended(
    start: np.ndarray, low: np.ndarray, high: np.ndarray, steps: np.ndarray, moments: Sequence[Moments]
) -> np.ndarray:
    """Return what is reached by moving one weight of all filters at a time to where the outputs err least.

    What moves leave to be made right is kept up for one block of weights, and for all others in one product behind it.
    """
    channels, weights, filters = start.shape
    gram, cross = (np.stack([getattr(each, name) for each in moments]) for name in ("gram", "cross"))
    whole, low, high, left = (_by_filter(each) for each in (start, low, high, cross - gram @ (start * steps[:, None])))
    step = steps.ravel()[:, None]
    blocks = [slice(first, first + _BLOCK) for first in range(0, weights, _BLOCK)]
    for _ in range(_ROUNDS):
        before = whole.copy()
        for block in blocks:
            bounds = low[:, block], high[:, block]
            whole[:, block] = _moved(whole[:, block], *bounds, step, left[:, block], gram[:, block, block])
            change = (whole[:, block] - before[:, block]) * step
            moved = change.any(axis=1)
            for channel, of_channel in enumerate(gram):
                at = channel * filters + np.flatnonzero(moved[channel * filters :][:filters])
                left[at] -= change[at] @ of_channel[block]
        if (whole == before).all():
            break
    return np.asarray((whole * step).reshape(channels, filters, -1).swapaxes(1, 2))


def _moved(
    whole: np.ndarray, low: np.ndarray, high: np.ndarray, step: np.ndarray, left: np.ndarray, gram: np.ndarray
) -> np.ndarray:
    """Return the weights of a block after each was looked at once.

    Args:
        whole: (channels * filters, weights), in steps.
        low: of the same shape, the least that a weight may be.
        high: the greatest.
        step: (channels * filters, 1).
        left: of the shape of the weights, half of what moving each would gain, by its step.
        gram: (channels, weights, weights).
    """
    whole, left = whole.copy(), left.copy()
    channel = np.repeat(np.arange(len(gram)), len(whole) // len(gram))
    power = np.maximum(np.diagonal(gram, axis1=1, axis2=2), np.finfo(float).tiny)[channel] * step
    for weight in range(whole.shape[1]):
        best = whole[:, weight] + left[:, weight] / power[:, weight]
        best = np.clip(np.round(best), low[:, weight], high[:, weight])
        moved = np.flatnonzero(best != whole[:, weight])
        change = (best - whole[:, weight])[moved, None] * step[moved]
        left[moved] -= change * gram[channel[moved], weight]
        whole[moved, weight] = best[moved]
    return whole


def _by_filter(values: np.ndarray) -> np.ndarray:
    """Return (channels, weights, filters) as a row of weights for each filter, each in one piece of memory."""
    return np.ascontiguousarray(values.swapaxes(1, 2)).reshape(-1, values.shape[1])
