"""Batches that the host makes, as a data set of TensorFlow whose end nothing waits for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

_AHEAD = 2
"""Batches that are made while the devices compute."""


def data_set(batches: Callable[[], Iterator[tuple[np.ndarray, ...]]]) -> tf.data.Dataset:
    """Return a data set of the batches that a function begins anew each time.

    tf.data tunes each data set in a thread of its own, which sleeps 10 ms, 20 ms, 40 ms and so on between two looks.
    What ends a data set before its last batch was asked for, as Keras does after `steps_per_epoch`, often waits for
    that thread to wake up: an epoch of 11 s then takes 20. Here there is nothing to tune, so it is switched off.

    Args:
        batches: all of the arrays' types, and of their shapes but for the first axis, that the first one has.

    Example:
        >>> found = data_set(lambda: iter([(np.zeros((2, 3)),), (np.ones((1, 3)),)]))
        >>> [each.shape for (each,) in found.as_numpy_iterator()]
        [(2, 3), (1, 3)]
    """
    import tensorflow as tf

    begun = batches()
    first = next(begun)
    waiting = [itertools.chain([first], begun)]
    options = tf.data.Options()
    options.autotune.enabled = False
    signature = tuple(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in first)
    made = tf.data.Dataset.from_generator(
        lambda: waiting.pop() if waiting else batches(),  # Keras may begin twice, once to see what a batch looks like
        output_signature=signature,
    )
    return made.prefetch(_AHEAD).with_options(options)
