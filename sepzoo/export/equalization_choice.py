"""Whether a network's channels are scaled before it is rounded: only where its outputs are nearer for that."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.export.comparison import kl_divergence
from sepzoo.export.equalization import equalize
from sepzoo.export.rounding import Rounding
from sepzoo.export.rounding_correction import rounded_outputs
from sepzoo.records.outputs import Output


def equalize_where_better(
    model: keras.Model,
    samples: np.ndarray | Sequence[np.ndarray],
    outputs: Sequence[Output],
    *,
    rounds_from: int = 0,
    rounding: Rounding,
) -> bool:
    """Scale the channels of a model where its outputs, once it is rounded, are nearer to the exact ones for that.

    That is judged on every other sample, with channels scaled by what they reach on the rest: a value beyond a ReLU6's
    ceiling, which was not there before, would show. In the end they are scaled by what they reach on all samples.

    Args:
        model: changed in place, or left as it is.
        samples: as `equalize` takes them.
        outputs: what each of the model's outputs is, in their order.
        rounds_from: how many elements a kernel has at least that will be rounded.
        rounding: how. Both are judged rounded to the nearest, with corrected biases.

    Returns:
        Whether channels were scaled: no output is farther from the exact one then, and one is nearer.
    """
    given = [samples] if isinstance(samples, np.ndarray) else list(samples)
    judged, others = ([each[start::2] for each in given] for start in (0, 1))
    own = model.get_weights()
    if not len(others[0]) or not equalize(model, others):
        return False
    tried = functools.partial(rounded_outputs, model, judged, rounds_from=rounds_from, rounding=rounding)
    _, scaled = tried(what="layers tried with scaled channels")
    model.set_weights(own)
    right, kept = tried(what="layers tried as they are")
    before, after = (
        [divergence(*each) for each in zip(outputs, right, found, strict=True)] for found in (kept, scaled)
    )
    better = after != before and all(new <= old for new, old in zip(after, before, strict=True))
    return better and bool(equalize(model, given))


def divergence(output: Output, right: np.ndarray, found: np.ndarray) -> float:
    """Return how far an output is from the right one: of probabilities the KL divergence, else the squared error."""
    if output.scores:
        right, found = (each.reshape(len(each), -1) for each in (right, found))
        return kl_divergence(right, found, independent=output.kind == "multilabel" or right.shape[1] == 1)
    return float(np.square(found - right).sum() / max(np.square(right).sum(), np.finfo(np.float32).tiny))
