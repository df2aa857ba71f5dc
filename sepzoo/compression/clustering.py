"""Clustering: the weights of a kernel take a few values only."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Literal

import keras
import numpy as np

from sepzoo.compression.compression_report import CompressionReport
from sepzoo.compression.fine_tuning import Method, fine_tuned
from sepzoo.compression.kernels import chosen, no_clusters
from sepzoo.compression.training_settings import Targets, TrainingSettings
from sepzoo.data.samples import Samples
from sepzoo.inference.given_samples import as_samples
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import Arrays
from sepzoo.surgery import to_keras

Initialization = Literal["kmeans++", "linear", "density"]
_INITIALIZATIONS = ("kmeans++", "linear", "density")


def cluster(
    model: keras.Model,
    data: Samples | Arrays,
    *,
    clusters: int = 16,
    initialization: Initialization = "kmeans++",
    keep: str | Sequence[str] = (),
    targets: Targets = "model",
    epochs: int = 3,
    batch_size: int = 32,
    learning_rate: float = 1e-4,
    seed: int = 0,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
) -> tuple[keras.Model, CompressionReport]:
    """Let the weights of each kernel take a few values while a network is trained, so that its files deflate better.

    It is done by tensorflow-model-optimization (after Han et al., "Deep Compression", ICLR 2016) in a process of its
    own, so this one keeps its Keras. By default the network as it is given is the teacher, and no label is needed. What
    is kept is the state after the epoch with the least loss on 200 samples that are not trained on (of less than 400
    samples: on those that are). Kernels of dense layers, convolutions and pointwise steps are clustered; depthwise ones
    stay. Batch norms take new statistics, and penalties on weights are left out meanwhile. The samples lie in a
    temporary folder as the network takes them. `quantize_aware` keeps weights equal that are.

    Args:
        model: a trained functional model; it is only read.
        data: samples to train on, whose labels are read only where they are the targets; or an array as the model
            takes it, pixels where it says how these become its input.
        clusters: how many values the weights of a kernel take.
        initialization: where the values begin: "kmeans++", "linear" between the least and the largest weight, or by
            the weights' "density".
        keep: names of layers that stay, with shell wildcards.
        targets: "model": what the network answers before; "labels": the classes of the samples.
        epochs: how often each sample is seen.
        batch_size: samples of a step.
        learning_rate: the first one; it falls to zero along a cosine.
        seed: decides the order, and where kmeans++ begins.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels.
        outputs: what the model gives, instead of what it says or its graph shows.

    Returns:
        The new model, of built-in layers, and a report with the values of each layer and the sizes of files.

    Raises:
        SepzooError: an argument out of range, a name that no layer has, no layer to cluster, samples without labels
            where these are the targets, or a layer that another process can't load.

    Example: see `CompressionReport`.
    """
    settings = TrainingSettings(targets, epochs, batch_size, learning_rate, seed, least_epochs=1)
    if isinstance(clusters, bool) or not isinstance(clusters, int) or clusters < 2:
        raise SepzooError(f"expected clusters as a whole number of at least 2. Received: {clusters!r}.")
    if initialization not in _INITIALIZATIONS:
        raise unknown("initialization", str(initialization), _INITIALIZATIONS)
    classifier = from_model(model, labels=labels, preprocessing=preprocessing, features=features, outputs=outputs)
    data = as_samples(classifier, data, "train")
    new, expansion = to_keras(model)
    layers, kept = chosen(new, keep, functools.partial(no_clusters, clusters=clusters))
    arguments = {"kind": "cluster", "clusters": clusters, "initialization": initialization}
    new, report = fine_tuned(classifier, new, data, Method(layers, kept, arguments, 1, _values), settings)
    return new, expansion.followed_by(report)


def _values(kernel: np.ndarray) -> str:
    return f"its {kernel.size:,} weights have {np.unique(kernel).size} values"
