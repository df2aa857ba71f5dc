"""Untrained networks that answer samples differently, so that a file of them can be told from one that is wrong."""

from __future__ import annotations

import keras
import numpy as np

from sepzoo.data import Samples
from sepzoo.inference.keras_model import from_model
from sepzoo.surgery import recalibrate_batch_norm

SPREAD = 3
"""Standard deviation of the scores: of five classes one gets some .7."""


def telling_apart(network: keras.Model, samples: Samples) -> keras.Model:
    """Return a network, whose last layer with weights gives class scores, that tells samples apart.

    Batch normalizations get the samples' statistics, else deep layers give next to nothing. The classifier gets other
    weights: it reads the one direction in which its features of the samples differ most. By all directions alike an
    untrained network says of noise what rounding says, too.
    """
    network, _ = recalibrate_batch_norm(network, samples)
    classifier = next(layer for layer in reversed(network.layers) if layer.weights)
    before = keras.Model(network.input, classifier.input)
    features = before.predict(from_model(network).tensor(samples.images), verbose=0)
    rows = features.reshape(-1, features.shape[-1]).astype(np.float64)
    mean, biased = rows.mean(axis=0), len(classifier.weights) > 1
    centred = rows - mean
    seen = centred if biased else centred - np.outer(centred @ mean, mean) / (mean @ mean)  # no bias takes the mean off
    direction = np.linalg.svd(seen, full_matrices=False)[2][0]
    shape = classifier.weights[0].shape
    kernel = np.outer(direction, np.random.default_rng(0).normal(size=shape[-1]))
    kernel *= SPREAD / (centred @ kernel).std()
    classifier.set_weights([kernel.reshape(shape), *([-mean @ kernel] if biased else [])])
    return network
