"""Layer scale: a factor a channel, written out as a built-in layer, saved, refused out of its range."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo import SepzooError, surgery
from sepzoo.layers import LayerScale

X = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")


def scaled(values):
    x = keras.Input(X.shape[1:])
    layer = LayerScale(0.5, name="scale")
    model = keras.Model(x, layer(x))
    layer.gamma.assign(values)
    return model


def test_each_channel_has_a_factor_of_its_own():
    layer = LayerScale(0.25)
    np.testing.assert_array_equal(layer(X), X * np.float32(0.25))
    assert [weight.path.rpartition("/")[2] for weight in layer.trainable_weights] == ["gamma"]
    np.testing.assert_allclose(scaled([1.0, -2.0, 0.5])(X), X * np.float32([1.0, -2.0, 0.5]))


def test_file_and_built_in_layers_give_the_same(tmp_path):
    model = scaled([1.0, -2.0, 0.5])
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(X), model(X))
    written, _report = surgery.to_keras(model)
    assert type(written.get_layer("scale")) is keras.layers.DepthwiseConv2D
    np.testing.assert_allclose(written(X), model(X), rtol=1e-6)


def test_of_features_it_stays_what_it_is():
    x = keras.Input((3,))
    _model, report = surgery.to_keras(keras.Model(x, LayerScale(name="scale")(x)))
    assert [(change.layer, change.skipped) for change in report.changes] == [
        ("scale", "no built-in layer does what LayerScale does")
    ]


@pytest.mark.parametrize("initial", [0, -1, 1.5])
def test_out_of_range(initial):
    with pytest.raises(SepzooError, match=r"above 0 and at most 1\. Received: initial="):
        LayerScale(initial)
