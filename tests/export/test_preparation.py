"""A network made ready to leave answers as before."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.export.preparation import deployable, deployed, require_tensorflow
from sepzoo.inference.keras_model import from_model
from sepzoo.layers import BSConvU
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from tests.export.networks import LABELS, pixels, separable


def answers(model: keras.Model) -> np.ndarray:
    return model.predict(pixels(20) / np.float32(127.5) - 1, verbose=0)


def kinds(model: keras.Model) -> set[str]:
    return {type(layer).__name__ for layer in model.layers}


def test_answers_stay_and_batch_norms_go(model: keras.Model) -> None:
    ready = deployable(from_model(model))
    assert "BatchNormalization" not in kinds(ready)
    np.testing.assert_allclose(answers(ready), answers(model), atol=1e-5)


def test_logits_become_probabilities() -> None:
    logits = answers(separable(softmax=False))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers(deployable(from_model(separable(softmax=False)))), expected, atol=1e-5)


def test_nested_models_and_factorized_layers_become_one_flat_stock_model() -> None:
    keras.utils.set_random_seed(0)
    source = keras.Input((16, 16, 3))
    body = keras.Sequential(
        [keras.Input((16, 16, 3)), BSConvU(6, 3, padding="same", batch_norm=True), keras.layers.ReLU()]
    )
    x = keras.layers.GlobalAveragePooling2D()(body(source))
    outer = keras.Model(source, keras.layers.Dense(2, activation="softmax")(x))
    ready = deployable(from_model(outer))
    assert kinds(ready) == {"InputLayer", "Conv2D", "DepthwiseConv2D", "ReLU", "GlobalAveragePooling2D", "Dense"}
    np.testing.assert_allclose(answers(ready), answers(outer), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_becomes_float32_with_the_same_weights(policy: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        mixed = separable()
    finally:
        keras.config.set_dtype_policy(before)
    exact = separable()
    exact.set_weights(mixed.get_weights())
    ready = deployable(from_model(mixed))
    assert {layer.compute_dtype for layer in ready.layers} == {"float32"}
    np.testing.assert_allclose(answers(ready), answers(exact), atol=1e-5)


def test_what_the_file_will_carry(model: keras.Model) -> None:
    classifier = from_model(model, preprocessing=Preprocessing(std=(1.0,)))
    metadata = deployed(classifier)
    assert (metadata.name, metadata.labels, metadata.preprocessing) == ("separable", LABELS, Preprocessing(std=(1.0,)))
    assert classifier.input_shape == (16, 16, 3)


def test_other_backends_are_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(
        SepzooError, match=r"^xla needs Keras on TensorFlow\. Received: KERAS_BACKEND=jax\. Save the model"
    ):
        require_tensorflow("xla")


def test_depth_multipliers_become_branches(seed):
    source = keras.Input((8, 8, 3))
    x = keras.layers.SeparableConv2D(4, 3, depth_multiplier=3, name="conv")(source)
    model = keras.Model(source, keras.layers.Softmax()(keras.layers.GlobalAveragePooling2D()(x)))
    ready = deployable(from_model(model))
    multipliers = [each.depth_multiplier for each in ready.layers if isinstance(each, keras.layers.DepthwiseConv2D)]
    assert multipliers == [1, 1, 1]
