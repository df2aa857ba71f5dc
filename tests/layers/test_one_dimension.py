"""The builder and the kinds on series: against NumPy, and against the same in two dimensions."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.layers import PRESETS, Conventions, LayerBuilder, conv1d, conv2d
from sepzoo.support.errors import SepzooError
from tests.layers.reference import same_pairs

STEPS, CHANNELS = 13, 4
SERIES = np.random.default_rng(0).normal(size=(2, STEPS, CHANNELS)).astype("float32")


def windows(x, size, strides, dilation, pairs, fill=0.0):
    """Return (n, steps, size, channels): what each position of a window over time sees."""
    padded = np.pad(x, ((0, 0), pairs, (0, 0)), constant_values=fill)
    reach = dilation * (size - 1) + 1
    starts = range(0, padded.shape[1] - reach + 1, strides)
    return np.stack([padded[:, start : start + reach : dilation] for start in starts], axis=1)


def pairs_of(convention, size, strides, dilation):
    if convention == "symmetric":
        return (dilation * (size - 1) // 2,) * 2
    return same_pairs(STEPS, size, strides, dilation)


@pytest.mark.parametrize("convention", ["same", "symmetric"])
@pytest.mark.parametrize(("size", "strides", "dilation"), [(3, 1, 1), (5, 2, 1), (5, 1, 3)])
def test_convolutions_over_time(seed, convention, size, strides, dilation):
    net, source = LayerBuilder(Conventions(padding=convention)), keras.Input((STEPS, CHANNELS))
    window = {"strides": strides, "dilation_rate": dilation}
    dense = keras.Model(source, net.conv(source, 6, size, name="dense", use_bias=True, **window))
    depthwise = keras.Model(source, net.depthwise(source, size, name="depthwise", depth_multiplier=2, **window))
    seen = windows(SERIES, size, strides, dilation, pairs_of(convention, size, strides, dilation))
    kernel, bias = dense.get_weights()
    np.testing.assert_allclose(dense(SERIES), np.einsum("ntkc,kco->nto", seen, kernel) + bias, atol=1e-5)
    [kernel] = depthwise.get_weights()
    expected = np.einsum("ntkc,kcm->ntcm", seen, kernel)
    np.testing.assert_allclose(depthwise(SERIES), expected.reshape(*expected.shape[:2], -1), atol=1e-5)


def test_pooling_over_time():
    net, source = LayerBuilder(Conventions(padding="symmetric")), keras.Input((STEPS, CHANNELS))
    pooled = [
        net.max_pool(source, 3, strides=2, signed=True, name="signed"),
        net.max_pool(source, 3, strides=1, name="maximum"),
        net.average_pool(source, 2, strides=2, padding="valid", name="average"),
        net.global_average_pool(source, name="mean", keepdims=True),
        net.global_max_pool(source, name="most"),
    ]
    found = keras.Model(source, pooled)(SERIES)
    expected = [
        windows(SERIES, 3, 2, 1, (1, 1), fill=-np.inf).max(axis=2),
        windows(SERIES, 3, 1, 1, (1, 1), fill=-np.inf).max(axis=2),
        windows(SERIES, 2, 2, 1, (0, 0)).mean(axis=2),
        SERIES.mean(axis=1, keepdims=True),
        SERIES.max(axis=1),
    ]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_slope_for_each_channel():
    source = keras.Input((STEPS, CHANNELS))
    model = keras.Model(source, LayerBuilder().activation(source, "prelu", name="x"))
    slopes = np.array([0.1, 0.2, 0.3, 0.4], "float32")
    model.layers[-1].set_weights([slopes[None]])
    np.testing.assert_allclose(model(SERIES), np.where(SERIES < 0, slopes * SERIES, SERIES), atol=1e-6)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("kind", PRESETS)
def test_every_kind_is_the_one_of_images_of_one_column(seed, kind, strides):
    options = {"inception": {"segments": 2}, "resnext": {"cardinality": 2}}.get(kind, {})
    arguments = {"conv_options": options, "strides": strides, "padding": "same"}
    series = conv1d(kind, 8, 5, **arguments)
    images = conv2d(kind, 8, (5, 1), **arguments)
    series.build((None, STEPS, CHANNELS))
    images.build((None, STEPS, 1, CHANNELS))
    images.set_weights([_column(weight) for weight in series.get_weights()])
    expected = np.asarray(images(SERIES[:, :, None]))[:, :, 0]
    np.testing.assert_allclose(series(SERIES), expected, atol=1e-5)
    assert series.compute_output_shape(SERIES.shape) == expected.shape


def _column(weight):
    return weight if weight.ndim == 1 else weight[:, None]


def test_the_window_of_a_series_is_one_number():
    with pytest.raises(SepzooError, match=r"expected kernel_size as a positive number, or 1 of them\. Received: ker"):
        conv1d("bsconv_u", 8, (3, 3))
