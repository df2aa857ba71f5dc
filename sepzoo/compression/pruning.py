"""Pruning of single weights: those of least magnitude become zero while the network is trained."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Literal

import keras
import numpy as np

from sepzoo.compression.compression_report import CompressionReport
from sepzoo.compression.fine_tuning import Method, fine_tuned
from sepzoo.compression.kernels import chosen, no_blocks, no_pattern
from sepzoo.compression.training_settings import Targets, TrainingSettings, split
from sepzoo.data.samples import Samples
from sepzoo.inference.given_samples import as_samples
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import Arrays, Json
from sepzoo.surgery import to_keras

_PATTERN = "2:4"
_UPDATES = 20
"""About so often a schedule chooses the zeros anew."""

Schedule = Literal["polynomial", "constant"]


def prune(
    model: keras.Model,
    data: Samples | Arrays,
    *,
    sparsity: float | Literal["2:4"] = 0.5,
    schedule: Schedule = "polynomial",
    block_size: tuple[int, int] = (1, 1),
    keep: str | Sequence[str] = (),
    targets: Targets = "model",
    epochs: int = 4,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    seed: int = 0,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
) -> tuple[keras.Model, CompressionReport]:
    """Make the weights of least magnitude zero while a network is trained, so that its files deflate better.

    It is done by tensorflow-model-optimization (Zhu and Gupta, "To prune, or not to prune", 2017) in a process of its
    own, so this one keeps its Keras. By default the network as it is given is the teacher, and no label is needed. What
    is kept is the state after that epoch, of those with all the zeros, which has the least loss on 200 samples that are
    not trained on (of less than 400 samples: on those that are). Kernels of dense layers, convolutions and pointwise
    steps are pruned; depthwise ones stay. Batch norms take new statistics, and penalties on weights are left out
    meanwhile. The samples lie in a temporary folder as the network takes them. `quantize_aware` and `sepzoo.export`
    keep the zeros.

    Args:
        model: a trained functional model; it is only read.
        data: samples to train on, whose labels are read only where they are the targets; or an array as the model
            takes it, pixels where it says how these become its input.
        sparsity: the share of each kernel's weights that become zero; "2:4": two of each four consecutive inputs.
        schedule: "polynomial": more and more, by a cubic, until half of the steps are done; "constant": all from the
            first step on. "2:4" is constant.
        block_size: inputs and outputs that become zero together, such as (4, 1), in the matrices of dense layers and
            1 x 1 convolutions; other kernels stay then.
        keep: names of layers that stay, with shell wildcards.
        targets: "model": what the network answers before; "labels": the classes of the samples.
        epochs: how often each sample is seen.
        batch_size: samples of a step.
        learning_rate: the first one; it falls to zero along a cosine.
        seed: decides the order.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels.
        outputs: what the model gives, instead of what it says or its graph shows.

    Returns:
        The new model, of built-in layers, and a report with the zeros of each layer and the sizes of files.

    Raises:
        SepzooError: an argument out of range, a name that no layer has, no layer to prune, samples without labels where
            these are the targets, or a layer that another process can't load.

    Example: see `CompressionReport`.
    """
    settings = TrainingSettings(targets, epochs, batch_size, learning_rate, seed, least_epochs=1)
    _check(sparsity, schedule, block_size)
    classifier = from_model(model, labels=labels, preprocessing=preprocessing, features=features, outputs=outputs)
    data = as_samples(classifier, data, "train")
    new, expansion = to_keras(model)
    if sparsity == _PATTERN:
        layers, kept = chosen(new, keep, no_pattern)
    else:
        blocks = functools.partial(no_blocks, block=block_size)
        layers, kept = chosen(new, keep, blocks if max(block_size) > 1 else lambda _kernel: "")
    steps = settings.steps(len(split(np.arange(len(data)))[1]))
    plan, last = _schedule(sparsity, schedule, steps)
    arguments = {
        "kind": "prune",
        "schedule": plan,
        "block_size": list(block_size),
        "m_by_n": [2, 4] if sparsity == _PATTERN else None,
    }
    method = Method(layers, kept, arguments, -(-last * epochs // steps), _zeros)
    new, report = fine_tuned(classifier, new, data, method, settings)
    return new, expansion.followed_by(report)


def _schedule(sparsity: float | str, schedule: str, steps: int) -> tuple[Json, int]:
    """Return a schedule as tensorflow-model-optimization takes it, and the step after which it has all zeros."""
    share = 0.5 if isinstance(sparsity, str) else float(sparsity)
    half = steps // 2
    if schedule == "constant" or isinstance(sparsity, str) or half < 2:
        return {
            "kind": "constant",
            "target_sparsity": share,
            "begin_step": 1,
            "frequency": max(steps // _UPDATES, 1),
        }, 1
    every = max((half - 1) // _UPDATES, 1)
    end = 1 + (half - 1) // every * every  # at its last step it must be its turn
    ends = {"initial_sparsity": 0.0, "final_sparsity": share, "begin_step": 1, "end_step": end}
    return {"kind": "polynomial", **ends, "frequency": every}, end


def _zeros(kernel: np.ndarray) -> str:
    return f"{int((kernel == 0).sum()):,} of {kernel.size:,} weights are zero"


def _check(sparsity: float | str, schedule: str, block_size: Sequence[int]) -> None:
    is_share = isinstance(sparsity, int | float) and not isinstance(sparsity, bool) and 0 < sparsity < 1
    if not is_share and sparsity != _PATTERN:
        raise SepzooError(f"expected sparsity above 0 and below 1, or '{_PATTERN}'. Received: {sparsity!r}.")
    if schedule not in ("polynomial", "constant"):
        raise unknown("schedule", str(schedule), ("polynomial", "constant"))
    whole = isinstance(block_size, Sequence) and all(type(each) is int and each >= 1 for each in block_size)
    if not whole or len(block_size) != 2:
        raise SepzooError(f"expected block_size as two whole numbers of at least 1. Received: {block_size!r}.")
    if max(block_size) > 1 and sparsity == _PATTERN:
        raise SepzooError(f"expected blocks or the pattern {_PATTERN}, one of them. Received: block_size={block_size}.")
