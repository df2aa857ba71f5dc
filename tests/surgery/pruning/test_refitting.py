"""What follows is fitted again: against least squares of NumPy, and what a file of the result is good for."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo import surgery
from sepzoo.export import tflite
from sepzoo.inference import open as open_file
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.surgery.pruning import refitting
from tests.surgery.pruning import networks

INPUTS = {
    "conv": (layers.Conv2D(5, 3, strides=2, padding="same", name="last"), (9, 8, 3)),
    "dilated": (layers.Conv2D(5, 3, dilation_rate=2, name="last"), (9, 8, 3)),
    "without bias": (layers.Conv2D(5, 2, use_bias=False, name="last"), (6, 6, 3)),
    "dense": (layers.Dense(4, name="last"), (6, 3)),
    "causal": (layers.Conv1D(4, 3, padding="causal", dilation_rate=2, name="last"), (9, 3)),
    "separable": (layers.SeparableConv2D(4, 3, depth_multiplier=2, padding="same", name="last"), (6, 6, 3)),
}


def answers(model, x):
    return np.asarray(keras.ops.convert_to_numpy(model(x, training=False)), "float64")


@pytest.mark.parametrize("kind", INPUTS)
def test_no_other_weights_are_better(kind, randomize):
    """The gradient of the squared error by the fitted weights is zero, but for the ridge: a step aside is worse."""
    layer, shape = INPUTS[kind]
    layer = type(layer).from_config(layer.get_config())
    first = (layers.Conv1D if len(shape) == 2 else layers.Conv2D)(8, 1, activation="tanh", name="first")
    model = randomize(keras.Sequential([keras.Input(shape), first, layer]))
    x = np.random.default_rng(0).normal(size=(300, *shape)).astype("float32")
    pruned, report = surgery.prune_channels(model, ratios=0.5, data=x)
    (refit,) = report.refits
    assert refit.error_after < 0.9 * refit.error_before
    right, last = answers(model, x), pruned.get_layer("last")
    best = float(np.sum((answers(pruned, x) - right) ** 2))
    share = best / float(
        np.sum((right - (0 if kind == "without bias" else right.mean(axis=(*range(right.ndim - 1),)))) ** 2)
    )
    assert refit.error_after == pytest.approx(share, rel=0.1)
    generator = np.random.default_rng(1)
    name = "pointwise_kernel" if kind == "separable" else "kernel"
    kernel = getattr(last, name)
    value = kernel.numpy()
    for _step in range(4):
        kernel.assign(value + 0.3 * generator.normal(size=value.shape) * np.abs(value).mean())
        assert float(np.sum((answers(pruned, x) - right) ** 2)) > best


def settled(model, images):
    """Return the model with the statistics of the images in its batch normalizations, as after training."""
    return surgery.recalibrate_batch_norm(model, images)[0]


def test_a_normalization_gives_the_mean_and_variance_that_it_gave(randomize):
    source = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, activation="sigmoid", name="first")(source)
    x = layers.Conv2D(4, 1, use_bias=False, name="last")(x)
    images = np.random.default_rng(0).normal(size=(64, 8, 8, 3)).astype("float32")
    model = settled(
        randomize(keras.Model(source, layers.BatchNormalization(epsilon=1e-7, name="bn")(x), name="shifted")), images
    )
    pruned, report = surgery.prune_channels(model, ratios=0.5, data=images)
    assert report.recalibrated == 1
    axes, right, found = (0, 1, 2), answers(model, images), answers(pruned, images)
    np.testing.assert_allclose(found.mean(axes), right.mean(axes), atol=0.02)
    np.testing.assert_allclose(found.std(axes), right.std(axes), rtol=0.02)
    plain = answers(surgery.prune_channels(model, ratios=0.5, data=images, refit_layers=False)[0], images)
    assert np.mean((found - right) ** 2) < 0.5 * np.mean((plain - right) ** 2)


def test_a_layer_that_sees_too_much_is_not_fitted(randomize, monkeypatch):
    monkeypatch.setattr(refitting, "MOST_FEATURES", 200)
    monkeypatch.setattr("sepzoo.surgery.pruning.importance.MOST_FEATURES", 50)
    images = np.random.default_rng(0).normal(size=(16, 12, 12, 1)).astype("float32")
    model = randomize(networks.flattened())
    report = surgery.prune_channels(model, ratios=0.5, data=images)[1]
    assert [each.layer for each in report.refits] == ["conv2", "fc1", "fc2"]
    monkeypatch.setattr(refitting, "MOST_FEATURES", 60)
    report = surgery.prune_channels(model, ratios=0.5, data=images)[1]
    assert [each.layer for each in report.refits] == ["conv2", "fc2"]


@pytest.mark.parametrize("make", [networks.grouped, networks.nested], ids=lambda make: make.__name__)
def test_layers_in_groups_and_nests_are_fitted_too(make, randomize):
    model = randomize(make())
    images = np.random.default_rng(0).uniform(-1, 1, (48, *model.input_shape[1:])).astype("float32")
    settings = {"ratios": 0.3, "data": images, "importance": "magnitude"}
    pruned, report = surgery.prune_channels(model, **settings)
    plain, plain_report = surgery.prune_channels(model, **settings, refit_layers=False)
    assert pruned.count_params() == plain.count_params()
    assert plain_report.refits == ()
    assert len(report.refits) >= 2
    assert all(each.error_after < each.error_before for each in report.refits)
    assert report.refits[0].error_after < 0.8 * report.refits[0].error_before
    assert "fitted again" in str(report)
    assert '"error_after"' in report.to_json()


@pytest.mark.slow
def test_the_file_answers_the_same_and_so_does_its_tflite(randomize, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 3)).astype("float32")
    model = settled(randomize(networks.squeezed()), images)
    pruned, _report = surgery.prune_channels(model, macs=0.6, data=images, multiple_of=2)
    pruned.save(tmp_path / "pruned.keras")
    again = keras.models.load_model(tmp_path / "pruned.keras")
    np.testing.assert_array_equal(answers(again, images), answers(pruned, images))
    made = tflite(pruned, tmp_path / "pruned.tflite", preprocessing=Preprocessing(mean=(0.0,), std=(1.0,)))
    assert made.comparison.relative_error < 1e-4
    found = open_file(made.path).predict(images.astype("uint8"))
    np.testing.assert_allclose(found, answers(pruned, images), rtol=1e-3, atol=1e-3 * np.abs(found).max())


def test_channels_without_which_nothing_is_lost_are_found_in_a_real_network(shared):
    from sepzoo.artifact import model_file

    model = model_file.load(shared / "weights" / "mlperf_tiny_resnet8_cifar10.h5")
    pruned, report = surgery.prune_channels(model, macs=0.75, multiple_of=8)
    assert [(each.channels_before, each.channels_after % 8) for each in report.groups] == [
        *((width, 0) for width in (16, 16, 32, 32, 64, 64)),
    ]
    assert report.macs_after <= 0.75 * report.macs_before
    assert pruned.output_shape == (None, 10)
