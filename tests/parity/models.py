"""What the parity tests share: weights as a trained network could have, images, files."""

from __future__ import annotations

import h5py
import numpy as np

from sepzoo.applications import load_weights


def randomized(model, seed=0):
    """Give every weight, moving statistics too, values that a trained network could have."""
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        if variable.path.endswith(("variance", "gamma")):
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
        elif variable.path.endswith(("beta", "mean", "bias")):
            variable.assign(generator.normal(0.0, 0.1, variable.shape))
    return model


def images(size, channels=3, count=2):
    """Return images of -1 … 1."""
    return np.random.default_rng(1).uniform(-1, 1, (count, size, size, channels)).astype("float32")


def assert_same_outputs(ours, theirs, inputs):
    """Hold two models' outputs against each other, to 1e-5 of the largest."""
    expected = np.asarray(theirs(inputs))
    np.testing.assert_allclose(np.asarray(ours(inputs)), expected, rtol=0, atol=1e-5 * max(1.0, np.abs(expected).max()))


def assert_interchangeable(ours, theirs, folder, inputs):
    """Pass weights over and back by files of both of Keras's formats, by our loader and by Keras's own."""
    for suffix in ("weights.h5", "h5"):
        save = {"weights.h5": "save_weights", "h5": "save"}[suffix]
        randomized(theirs, seed=1)
        getattr(theirs, save)(folder / f"theirs.{suffix}")
        load_weights(ours, folder / f"theirs.{suffix}")
        assert_same_outputs(ours, theirs, inputs)
        randomized(ours, seed=2)
        getattr(ours, save)(folder / f"ours.{suffix}")
        theirs.load_weights(folder / f"ours.{suffix}")
        assert_same_outputs(ours, theirs, inputs)


def write_as_keras_1(model, path, *, own_names):
    """Write a weight file as Keras 1 did, its layers under their own names or under class and number."""
    classes = {
        "SeparableConv2D": "separableconvolution2d",
        "Conv2D": "convolution2d",
        "BatchNormalization": "batchnormalization",
        "Dense": "dense",
    }
    variables = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
    counts = dict.fromkeys(classes.values(), 0)
    with h5py.File(path, "w") as file:
        names = []
        for layer in (layer for layer in model.layers if layer.weights):
            kind = classes[type(layer).__name__]
            counts[kind] += 1
            name = layer.name if own_names else f"{kind}_{counts[kind]}"
            names.append(name.encode())
            group = file.create_group(name)
            weights = {f"{name}_{variables.get(w.name, w.name)}{'_1' * own_names}:0": w for w in layer.weights}
            for weight, variable in weights.items():
                group[weight] = np.asarray(variable)
            group.attrs["weight_names"] = [weight.encode() for weight in weights]
        file.attrs["layer_names"] = names
