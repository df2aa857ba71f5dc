"""Weights trained on colours, for grey images and for a fourth channel."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.applications import build, load_weights
from sepzoo.support.errors import SepzooError
from sepzoo.weights.input_channels import fit_channels
from sepzoo.weights.reading import named_arrays

FORMS = ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "xception", "resnet50", "vgg16"]


def small(name, channels):
    width = 0.125 if name in ("xception", "resnet50", "vgg16") else 0.35
    hidden = {"hidden": 16} if name == "vgg16" else {}
    return build(name, alpha=width, input_shape=(72, 72, channels), classes=3, classifier_activation=None, **hidden)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
def test_grey_images_give_what_they_gave_as_colours(seed, name):
    colour, other = small(name, 3), small(name, 1)
    report = load_weights(other, named_arrays(colour))
    kernel = "stage1_conv1/kernel" if name == "vgg16" else "stem_conv1/kernel" if name == "xception" else "stem/kernel"
    assert report.adapted == (kernel,)
    assert f"fitted to the number of input channels: {kernel}" in str(report)
    grey = np.random.default_rng(0).uniform(-1, 1, (1, 72, 72, 1)).astype("float32")
    np.testing.assert_allclose(np.asarray(other(grey)), np.asarray(colour(np.repeat(grey, 3, axis=-1))), atol=1e-5)


def test_a_fourth_channel_is_one_more_red_one(seed):
    colour, other = small("mobilenet_v2", 3), small("mobilenet_v2", 4)
    report = load_weights(other, named_arrays(colour))
    assert report.adapted == ("stem/kernel",)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 72, 72, 4)).astype("float32")
    colours = np.stack([x[..., 0] + x[..., 3], x[..., 1], x[..., 2]], axis=-1) * 0.75
    np.testing.assert_allclose(np.asarray(other(x)), np.asarray(colour(colours)), atol=1e-5)


def test_building_says_what_was_fitted(seed, tmp_path, caplog):
    path = tmp_path / "colour.npz"
    np.savez(path, **named_arrays(small("mobilenet_v2", 3)))
    build("mobilenet_v2", alpha=0.35, input_shape=(72, 72, 1), classes=3, weights=path)
    assert "fitted to the number of input channels: stem/kernel" in caplog.text


def test_a_batch_normalization_on_the_pixels_is_fitted_too(seed):
    arguments = {"input_shape": (32, 32, 1)}
    report = load_weights(build("cifar_mobilenetv1_w1d4", **arguments), named_arrays(build("cifar_mobilenetv1_w1d4")))
    assert [name.partition("/")[0] for name in report.adapted] == ["input_bn"] * 4 + ["stem"]


def test_values():
    kernel = np.arange(3, dtype="float32").reshape(1, 1, 3, 1) + np.zeros((1, 1, 1, 2), "float32")
    np.testing.assert_array_equal(fit_channels(kernel, (1, 1, 1, 2)).ravel(), [3, 3])
    np.testing.assert_allclose(fit_channels(kernel, (1, 1, 4, 2))[0, 0, :, 0], np.array([0, 1, 2, 0]) * 0.75)
    np.testing.assert_array_equal(fit_channels(np.array([1.0, 2.0, 6.0]), (1,)), [3.0])
    np.testing.assert_array_equal(fit_channels(np.array([1.0, 2.0, 6.0]), (4,)), [1.0, 2.0, 6.0, 1.0])


@pytest.mark.parametrize(
    ("weights", "shape"),
    [
        ((3, 3, 4, 8), (3, 3, 1, 8)),
        ((3, 3, 3, 8), (3, 3, 1, 16)),
        ((5, 5, 3, 8), (3, 3, 1, 8)),
        ((3, 3, 3, 1), (3, 3, 1, 1)),
    ],
)
def test_other_shapes_are_not_touched(weights, shape):
    assert fit_channels(np.zeros(weights), shape) is None


def test_no_other_layer_is_fitted(seed):
    arrays = named_arrays(small("mobilenet_v2", 3))
    arrays["stage1_unit1_project/kernel"] = np.zeros((1, 1, 3, arrays["stage1_unit1_project/kernel"].shape[-1]))
    with pytest.raises(SepzooError, match="of another shape: stage1_unit1_project/kernel"):
        load_weights(small("mobilenet_v2", 1), arrays)
